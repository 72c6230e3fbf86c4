"""Score a file of predictions: from items and outputs to a report with confidence intervals. No model is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from ftdojo.contract.result import Score
from ftdojo.contract.task_spec import Record
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.plain import plural
from ftdojo.stats import Estimate, bootstrap, paired_difference, stratified_mean
from ftdojo.tasks.judged import KnowsErrors
from ftdojo.tasks.spec import ItemScore, Task


class SubtaskScore(BaseModel):
    """The core metric over the items of one sub-task."""

    model_config = ConfigDict(frozen=True)

    metric: str
    value: float
    n: int


class ItemReport(BaseModel):
    """The verdict on one item, in the metric's own unit before aggregation."""

    model_config = ConfigDict(frozen=True)

    id: str
    score: float
    parsed: bool
    error: str | None
    subtask: str = ""
    metrics: dict[str, float] = {}
    """Further values of the item, from which the scorer computes its metrics."""


class ScoreReport(BaseModel):
    """The output of ``ftdojo score --json``; a stable format."""

    model_config = ConfigDict(frozen=True)

    task: str
    metric: str
    value: float
    interval: tuple[float, float]
    higher_is_better: bool
    n: int
    parsed: float
    """Share of outputs in which an answer of the right form was found, 0 to 1."""
    metrics: dict[str, float]
    subtasks: dict[str, SubtaskScore]
    items: list[ItemReport]


def score(task: Task, items: Sequence[Record], outputs: Sequence[str]) -> ScoreReport:
    """Score ``outputs[i]`` as the answer to ``items[i]``."""
    scores = task.scorer.score(items, outputs)
    estimate = summarize(task, scores)
    return ScoreReport(
        task=task.spec.id,
        metric=task.spec.metric,
        value=estimate.value,
        interval=(estimate.low, estimate.high),
        higher_is_better=task.spec.higher_is_better,
        n=estimate.n,
        parsed=sum(s.parsed for s in scores) / len(scores),
        metrics=task.scorer.metrics(scores),
        subtasks={
            name: SubtaskScore(metric=task.spec.metric, value=summarize(task, group).value, n=len(group))
            for name, group in by_subtask(scores).items()
        },
        items=[
            ItemReport(
                id=s.id, score=s.score, parsed=s.parsed, error=s.error, subtask=s.subtask, metrics=dict(s.metrics)
            )
            for s in scores
        ],
    )


def summarize(task: Task, scores: Sequence[ItemScore]) -> Estimate:
    """Return the core metric over ``scores`` with its interval, in the metric's unit."""
    strata = [s.subtask for s in scores]
    if task.spec.pooled:
        return bootstrap(lambda chosen: task.scorer.value([scores[i] for i in chosen]), strata)
    return stratified_mean([s.score for s in scores], strata).scaled(task.spec.best_value)


def score_of(task: Task, scores: Sequence[ItemScore]) -> Score:
    """Return the core metric over ``scores`` as a result states it: corrected, too, if the scorer knows its errors."""
    corrected = task.scorer.correct(scores) if isinstance(task.scorer, KnowsErrors) else None
    return Score.of(task.spec.metric, summarize(task, scores), corrected)


def compare(task: Task, scores: Sequence[ItemScore], reference: Sequence[ItemScore]) -> Estimate:
    """Return the core metric of ``scores`` minus that of ``reference``, on the same items, with the interval of the
    paired difference, in the metric's unit.

    Raises:
        ValueError: if the items are not the same, in the same order.
    """
    if [s.id for s in scores] != [s.id for s in reference]:
        raise ValueError("paired scores must come from the same items in the same order")
    strata = [s.subtask for s in scores]
    if not task.spec.pooled:
        gap = paired_difference([s.score for s in scores], [s.score for s in reference], strata)
        return gap.scaled(task.spec.best_value)

    def gap_of(chosen: Sequence[int]) -> float:
        ours, theirs = ([side[i] for i in chosen] for side in (scores, reference))
        return task.scorer.value(ours) - task.scorer.value(theirs)

    return bootstrap(gap_of, strata)


def by_subtask(scores: Sequence[ItemScore]) -> dict[str, list[ItemScore]]:
    """Group the scores by named sub-task, in the order of first occurrence."""
    groups: dict[str, list[ItemScore]] = {}
    for item in scores:
        if item.subtask:
            groups.setdefault(item.subtask, []).append(item)
    return groups


def pair(items: Sequence[Record], predictions: Sequence[Mapping[str, Any]], *, where: str) -> list[str]:
    """Return the outputs of a prediction file in the order of ``items``: exactly one ``{"id", "output"}`` per item.

    Raises:
        InputError: naming missing, duplicate and unknown ids.
    """
    known = {str(item["id"]) for item in items}
    outputs: dict[str, str] = {}
    findings = []

    def fault(code: str, message: str, fix: str) -> None:
        findings.append(Finding(code=code, gate=0, message=message, where=where, fix=fix))

    for line, row in enumerate(predictions, start=1):
        name, output = str(row.get("id")), row.get("output")
        if not isinstance(output, str):
            fault("bad_prediction", f"line {line} has no text 'output'", 'write {"id": "...", "output": "..."}')
        elif name not in known:
            fault("unknown_id", f"line {line}: no item has the id '{name}'", "use the ids of the items file")
        elif name in outputs:
            fault("double_id", f"line {line}: a second prediction for '{name}'", "keep one prediction per item")
        else:
            outputs[name] = output
    missing = sorted(known - outputs.keys())
    if missing and not findings:
        fault(
            "missing_prediction",
            f"no prediction for {plural(len(missing), 'item')}, e.g. '{missing[0]}'",
            'for an unanswered item write an empty output: {"id": "...", "output": ""}',
        )
    if findings:
        raise InputError(findings[:20])
    return [outputs[str(item["id"])] for item in items]
