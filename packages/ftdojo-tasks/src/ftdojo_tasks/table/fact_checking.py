"""TableBench fact checking: is a claim about a table true, or what does the table say?

Prompt: the row's instruction, the table as text, the question, and what the final answer shall look like.

The answer is what follows the first ``Final Answer:`` on its line, else the whole output (see
:mod:`ftdojo_tasks.table.answers`). It is right if it equals the gold answer after lower-casing and turning everything
that is no letter, digit or underscore into spaces, so ``-5`` is ``5`` and ``1,000`` is not ``1000``. The core metric is
``accuracy`` in per cent; the reference also calls it ``exact_match``.

Deviations from the reference harness: no record is in both validation and test; an empty answer is never right.
"""

from __future__ import annotations

from ftdojo.contract.task_spec import Published, Shortcut, TaskSpec
from ftdojo_tasks.table import raw
from ftdojo_tasks.table.prompt import asking, template
from ftdojo_tasks.table.scorers import TableScorer, exact

QTYPE = "FactChecking"
CLOSING = (
    "If the question asks for specific information, give that information; if it asks whether a statement is true, "
    'answer Yes or No. Be concise.\nEnd your response with "Final Answer: <your answer>".'
)

SCORER = TableScorer({"": exact})
prompt = asking(CLOSING)

SPEC = TaskSpec(
    id="table/fact_checking",
    domain="table",
    objective="Check facts against a table: tell whether a statement is true, or find what the table says.",
    output_format='Any text with a line "Final Answer: ANSWER", the first of which counts. The answer is compared '
    "without regard to case and punctuation, and without numeric tolerance.",
    metric="accuracy",
    higher_is_better=True,
    best_value=100.0,
    subtasks=(),
    max_new_tokens=4096,
    raw_sources=(raw.source(QTYPE, template(CLOSING)),),
    evaluation_source=raw.EVALUATION,
    licence=raw.LICENCE,
    published=(Published(metric="accuracy", base=75.0, ft_agent=81.25),),
    shortcuts=(
        Shortcut(name="always yes", output="Final Answer: Yes", at_most=30.0),
        Shortcut(name="always no", output="Final Answer: No", at_most=30.0),
    ),
)
