"""TableBench numerical reasoning: count, add up, compare, rank and calculate with the numbers of a table.

Prompt, answer, metric and deviations are those of :mod:`ftdojo_tasks.table.fact_checking`; there is no numeric
tolerance, so an answer has to be written as the gold answer is.
"""

from __future__ import annotations

from ftdojo.contract.task_spec import Published, Shortcut, TaskSpec
from ftdojo_tasks.table import raw
from ftdojo_tasks.table.prompt import asking, template
from ftdojo_tasks.table.scorers import TableScorer, exact

QTYPE = "NumericalReasoning"
CLOSING = 'End your response with "Final Answer: <your answer>", where the answer is as short as it can be.'

SCORER = TableScorer({"": exact})
prompt = asking(CLOSING)

SPEC = TaskSpec(
    id="table/numerical_reasoning",
    domain="table",
    objective="Answer questions about the numbers of a table: counts, sums, differences, rankings, comparisons, times.",
    output_format='Any text with a line "Final Answer: ANSWER", the first of which counts. The answer is compared '
    "without regard to case and punctuation, and without numeric tolerance: write numbers as the table does.",
    metric="accuracy",
    higher_is_better=True,
    best_value=100.0,
    subtasks=(),
    max_new_tokens=4096,
    raw_sources=(raw.source(QTYPE, template(CLOSING)),),
    evaluation_source=raw.EVALUATION,
    licence=raw.LICENCE,
    published=(Published(metric="accuracy", base=32.0, ft_agent=45.33),),
    shortcuts=(Shortcut(name="always one", output="Final Answer: 1", at_most=10.0),),
)
