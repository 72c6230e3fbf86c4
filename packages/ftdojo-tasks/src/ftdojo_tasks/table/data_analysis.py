"""TableBench data analysis: correlations, trends, statistics, impacts, and whatever else takes a sentence.

Prompt and answer are those of :mod:`ftdojo_tasks.table.fact_checking`. There are five sub-tasks. An answer on a
correlation, a trend or a statistic is right if its first number is within 10 per cent of the gold answer's; on an
impact, if it equals the gold answer as text; any ``other`` is scored by ROUGE-L, 0 to 1, with the first 200 words of
each text. The core metric is ``accuracy``: the unweighted mean over the sub-tasks of the mean score, per cent.

Deviations from the reference harness: ``other`` has the rows that are in none of the four sub-tasks before it, while
the reference scores all rows once more, so that a record could be in validation of one and in test of another; an
empty answer scores nothing.
"""

from __future__ import annotations

from ftdojo.contract.task_spec import Published, Shortcut, TaskSpec
from ftdojo_tasks.table import raw
from ftdojo_tasks.table.answers import rouge_l
from ftdojo_tasks.table.prompt import asking, template
from ftdojo_tasks.table.scorers import TableScorer, exact, within_a_tenth

QTYPE = "DataAnalysis"
OTHER = "other"
VIEWS = {
    "CorrelationAnalysis": "correlationanalysis",
    "TrendForecasting": "trendforecasting",
    "StatisticalAnalysis": "statisticalanalysis",
    "ImpactAnalysis": "impactanalysis",
}
"""Sub-type of a row -> sub-task; all other sub-types are :data:`OTHER`."""
CLOSING = 'End your response with "Final Answer: <your answer>", a number, a short phrase or one sentence.'

SCORER = TableScorer(
    {
        "correlationanalysis": within_a_tenth,
        "trendforecasting": within_a_tenth,
        "statisticalanalysis": within_a_tenth,
        "impactanalysis": exact,
        OTHER: rouge_l,
    }
)
prompt = asking(CLOSING)

SPEC = TaskSpec(
    id="table/data_analysis",
    domain="table",
    objective="Analyse the data of a table: correlations, trends, statistics, impacts, causes, anomalies.",
    output_format='Any text with a line "Final Answer: ANSWER", the first of which counts. For correlations, trends '
    "and statistics the first number in it must be within 10 per cent; for impacts it must be the gold answer without "
    "regard to case and punctuation; others are scored by the words they share with the gold answer in order.",
    metric="accuracy",
    higher_is_better=True,
    best_value=100.0,
    subtasks=tuple(SCORER.rules),
    max_new_tokens=4096,
    raw_sources=(raw.source(QTYPE, template(CLOSING)),),
    evaluation_source=raw.EVALUATION,
    licence=raw.LICENCE,
    published=(Published(metric="accuracy", base=32.78, ft_agent=34.71),),
    shortcuts=(
        Shortcut(name="no correlation", output="Final Answer: 0", at_most=15.0),
        Shortcut(name="no impact", output="Final Answer: No impact", at_most=15.0),
    ),
)
