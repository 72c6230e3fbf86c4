"""The core metric by sub-task: the base model, the best iteration and the last ones side by side."""

from __future__ import annotations

from collections.abc import Sequence

from ftdojo.contract.feedback import EvaluationFeedback
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import TrivialAnswers
from ftdojo.report import text
from ftdojo.report.view.parts import Some, Subtasks

COLUMNS = 10
"""Number of the latest iterations in the table, in addition to the base model and the best iteration."""


def subtasks(
    baseline: EvaluationFeedback, iterations: Sequence[Iteration], best: int, trivial: TrivialAnswers | None = None
) -> Subtasks:
    """Return a column for each model, and a line for each sub-task of the base model.

    Args:
        baseline: the evaluation of the base model.
        iterations: all of the run.
        best: number of the best one; 0 is the base model.
        trivial: what needs no training, on validation: the best constant of each sub-task gets a column.
    """
    evaluated = [(i.number, i.feedback.evaluation) for i in iterations if i.feedback.evaluation]
    latest = {number for number, _ in evaluated[-COLUMNS:]}
    chosen = [(0, baseline), *((n, e) for n, e in evaluated if n in latest or n == best)]
    metric = baseline.score.metric

    def values(subtask: str) -> list[str]:
        found = [evaluation.subtasks.get(subtask) for _, evaluation in chosen]
        found += [trivial.subtasks.get(subtask, trivial.constant.value)] if trivial else []
        return ["" if value is None else text.number(value, metric) for value in found]

    return Subtasks(
        models=[*(str(number) if number else "base" for number, _ in chosen), *(["constant"] if trivial else [])],
        best=[number for number, _ in chosen].index(best),
        rows=Some.of((name, values(name)) for name in baseline.subtasks),
        total=[
            *(text.score(evaluation.score) for _, evaluation in chosen),
            *([text.score(trivial.majority)] if trivial else []),
        ],
        hidden=len(evaluated) + 1 - len(chosen),
    )
