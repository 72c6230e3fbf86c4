r"""AIME 2025 and AIME 2024: competition problems whose answers are integers from 0 to 999.

Prompt: the problem, a line break, and the reminder to put the final answer within ``\boxed{}``.

The core metric is ``accuracy`` in per cent. The reference harness scores in two stages: a rule (the final answer as
LaTeX, compared by Math-Verify; see :mod:`ftdojo_tasks.math.answer`), then a language model that judges what the rule
rejected. Here only the rule scores, which the metric ``rule_accuracy`` says, so a right answer in prose ("the answer is
70") is wrong. ``<think>`` passages are part of the output: a box in them counts.

Deviations from the reference harness:

- No judge, so scores can be lower than the published ones, and do not depend on a service.
- Only answers that are cheap to read are read: at most 80 characters and 16 tokens,
  small powers and roots of numbers, no variables right of an equals sign, no factorials, binomials, sums or functions.
- ``\fbox`` is no box, and without a box only formulas in dollars, ``\(…\)`` or ``\[…\]`` are looked at.
- Two boxes in formulas of their own, less than ten characters apart, are one answer, too.
- Validation is AIME I, test is AIME II, each in the order of the exam. A problem that occurs in both is removed from
  validation, and a problem of either from the raw data.
- The reference asks AIME 2024 with other words: to solve it step by step, with the answer in a box.

An error is ``empty``, ``format`` (no final answer, or none that can be read) or ``wrong``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ftdojo.contract.task_spec import Message, Published, RawSource, Record, Rendering, Shortcut, TaskSpec
from ftdojo.tasks.itemwise import ItemwiseScorer, bad_gold, fault, form_metrics
from ftdojo.tasks.spec import HubSet, ItemScore
from ftdojo_tasks.math import answer

REMINDER = "\nRemember to put your final answer within \\boxed{}."


class AimeScorer(ItemwiseScorer):
    """The rule stage."""

    def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
        """One verdict an item, in order.

        Raises:
            PrerequisiteError: if Math-Verify is not installed.
        """
        answer.math_verify()  # before the first item, so that a missing library never depends on what outputs say
        return super().score(items, outputs)

    def score_item(self, item: Record, output: str) -> ItemScore:
        """The verdict on one output.

        Raises:
            UnreadableGoldError: for an item without a readable ``answer``.
        """
        found = answer.find(output)
        try:
            # Also without an answer: a faulty item is reported for any output.
            right = answer.equal("" if found is None else found, str(item.get("answer", "")))
        except ValueError as unreadable:
            raise bad_gold(item, str(unreadable), "write the answer as a number") from None
        error = None if right else fault(output, parsed=right is not None)
        return ItemScore(
            id=str(item["id"]), subtask="", score=float(bool(right)), parsed=right is not None, error=error
        )

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """The per cent of items that the rule stage found right (all that are), and that were parsed."""
        return {"rule_accuracy": self.value(scores)} | form_metrics(scores)

    def gold(self, item: Record) -> str:
        """The gold answer in a box."""
        return f"{answer.BOX}{item['answer']}}}"


def prompt(item: Record) -> list[Message]:
    """The problem and the reminder as one user turn."""
    return [{"role": "user", "content": _whole(item["question"])}]


def _whole(problem: str) -> str:
    return problem + REMINDER


DEEPSCALER = HubSet(
    id="agentica-org/DeepScaleR-Preview-Dataset",
    revision="b6ae8c60f5c1f2b594e2140b91c49c9ad0949e29",
    licence="MIT",
)
AIME25_SET = HubSet(
    id="opencompass/AIME2025",
    revision="a6ad95f611d72cf628a80b58bd0432ef6638f958",
    licence="MIT",
)
AIME24_SET = HubSet(id="Maxwell-Jia/AIME_2024", revision="main", licence="MIT")

_PROMPT = "{% if problem %}" + _whole("{{ problem }}") + "{% endif %}"
_IS_INTEGER = "answer is string and answer.isdigit()"

SPEC = TaskSpec(
    id="math/aime25",
    domain="math",
    objective="Solve competition mathematics problems in the form of the American Invitational Mathematics "
    "Examination; every answer is an integer from 0 to 999.",
    output_format="Any text in which the final answer is the last \\boxed{...}, e.g. \\boxed{70}. It may be an "
    "equation whose right side is the answer, or arithmetic of its value. Two boxes close together count as one "
    "answer and are wrong. Without a box, a LaTeX formula after the word 'answer' counts, e.g. the answer is $70$; "
    "a number in plain text does not.",
    metric="accuracy",
    higher_is_better=True,
    best_value=100.0,
    subtasks=(),
    max_new_tokens=8192,
    raw_sources=(
        RawSource(
            path="deepscaler.json",
            subtask="",
            description="competition problems with answers in LaTeX; most have no solution, some answers are missing, "
            "wrong, or no integer",
            renderings=(
                Rendering(
                    name="raw",
                    prompt="{{ problem or '' }}",
                    completion="{{ answer or '' }}",
                    description="the row as it stands: the problem, and the bare answer, which is not scored",
                ),
                Rendering(
                    name="answer",
                    prompt=_PROMPT,
                    completion=f"{{% if {_IS_INTEGER} %}}{{{{ '\\\\boxed{{' ~ answer ~ '}}' }}}}{{% endif %}}",
                    description="the prompt of the evaluation, and only the answer in a box; integers only",
                ),
                Rendering(
                    name="rationale",
                    prompt=_PROMPT,
                    completion=f"{{% if solution and {_IS_INTEGER} %}}"
                    "{{ solution ~ '\\n\\\\boxed{' ~ answer ~ '}' }}{% endif %}",
                    description="the solution, then the answer in a box; rows without solution are skipped",
                ),
            ),
        ),
    ),
    evaluation_source="AIME 2025: I for validation, II for test; the twin is generated, with computed answers",
    licence="DeepScaleR-Preview: MIT; AIME problems: Mathematical Association of America; the twin: MIT",
    published=(Published(metric="accuracy", base=0.0, ft_agent=11.11),),
    shortcuts=(
        Shortcut(name="always zero", output="\\boxed{0}", at_most=3.0),
        Shortcut(name="always one", output="\\boxed{1}", at_most=3.0),
        Shortcut(name="several boxes at once", output="".join(f"\\boxed{{{i}}}" for i in range(10)), at_most=0.0),
        Shortcut(name="a list of formulas", output="answer: $0$, $1$, $2$ and $3$", at_most=0.0),
    ),
)

SPEC24 = replace(
    SPEC,
    id="math/aime24",
    evaluation_source=SPEC.evaluation_source.replace("2025", "2024"),
    published=(),
)
