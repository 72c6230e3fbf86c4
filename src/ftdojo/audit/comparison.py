"""The paired comparison of two or more systems on the items that all of them answered.

Of a metric that is a mean, the interval is that of the mean of the item-wise differences; of one over all items
together, such as an F-score, the bootstrap's. The p-value is that of McNemar's exact test if every item is right or
wrong and there is one stratum, else of a permutation test, and is corrected for the number of systems (Holm).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from ftdojo import sandbox, tasks
from ftdojo.audit.scored_items import Item, Scored
from ftdojo.contract.result import Document, Result
from ftdojo.errors import UsageError
from ftdojo.stats import Estimate, Tally, bootstrap, holm, paired_difference, sign_flips, stratified_mean
from ftdojo.tasks.spec import ItemScore

Verdict = Literal["better", "worse", "not shown"]
Metric = Callable[[Sequence[ItemScore]], float]
"""Computes a metric over all items together."""


class Value(Result):
    """A value in the metric's unit, with its 95 % interval."""

    value: float
    interval: tuple[float, float]
    n: int


class Group(Result):
    """The items of one sub-task, or of one class."""

    name: str
    kind: Literal["sub-task", "class"]
    n: int
    first: Value
    """Of the first system, in the metric's unit; of a class and of a pooled metric, the mean of item scores."""
    other: Value
    difference: Value


class Flip(Result):
    """An item that one system has better than the other."""

    id: str
    first: float
    """Score of the first system on it, usually 0 to 1."""
    other: float


class Against(Result):
    """One system against the first one, on the items of both."""

    name: str
    source: str
    score: Value
    difference: Value
    """Of this system minus the first one."""
    verdict: Verdict
    """Whether the whole interval is on the better or the worse side of zero."""
    within_margin: bool
    """Whether the whole interval excludes that this system is worse by more than the margin."""
    test: Literal["mcnemar", "permutation"]
    p_value: float
    """Of no difference, corrected for the number of systems."""
    won: int
    """Items on which this system is better than the first one."""
    lost: int
    groups: list[Group]
    flips: list[Flip]
    """All items on which they differ: first those that this system lost."""


class Untrained(Result):
    """What needs no training, of a run that is compared: a system that is not better has learned nothing."""

    name: str
    source: str
    score: Value


class Comparison(Document):
    """The output of ``ftdojo compare --json``."""

    format: int = 1
    metric: str
    higher_is_better: bool
    margin: float
    first: str
    """The system that the others are compared with."""
    source: str
    score: Value
    n: int
    """Items that all systems answered."""
    left_out: dict[str, int]
    """System -> its items that another one did not answer."""
    others: list[Against]
    untrained: list[Untrained]
    """On the same items; empty if no run is compared, or they did not answer all of them."""


def compare(systems: Sequence[Scored], *, margin: float = 0.0) -> Comparison:
    """Compare systems with the first one.

    Args:
        systems: at least two.
        margin: how much worse is still acceptable, in the metric's unit.

    Raises:
        UsageError: if their metrics differ, or no item was answered by all of them.
    """
    systems = _on_one_scale(systems)
    first, *others = systems
    for other in others:
        if (other.metric, other.higher_is_better) != (first.metric, first.higher_is_better):
            message = f"'{first.name}' was scored by {first.metric}, '{other.name}' by {other.metric}"
            raise UsageError(message, fix="compare scores of the same metric; --metric chooses one of a log")
    common = [name for name in first.items if all(name in other.items for other in others)]
    if not common:
        raise UsageError(
            "no item was answered by all of them", fix="compare systems on the same items: their ids differ"
        )
    value = _metric(systems)
    rows = [_against(first, other, common, margin, value) for other in others]
    corrected = holm([row.p_value for row in rows])
    return Comparison(
        metric=first.metric,
        higher_is_better=first.higher_is_better,
        margin=margin,
        first=first.name,
        source=first.source,
        score=_score(first, common, value),
        n=len(common),
        left_out={s.name: len(s.items) - len(common) for s in systems},
        others=[row.model_copy(update={"p_value": p}) for row, p in zip(rows, corrected, strict=True)],
        untrained=_untrained(systems, common, value),
    )


def _on_one_scale(systems: Sequence[Scored]) -> list[Scored]:
    """Give logs whose scores are not all from 0 to 1 the same bounds and unit."""
    bounds = min(s.bounds[0] for s in systems), max(s.bounds[1] for s in systems)
    best = min(s.best_value for s in systems)
    return [replace(system, bounds=bounds, best_value=best) for system in systems]


def _untrained(systems: Sequence[Scored], common: Sequence[str], metric: Metric | None) -> list[Untrained]:
    """Return what needs no training, each once: a run and its base model, or two runs, may have the same."""
    found: list[Scored] = []
    for system in systems:
        for one in system.untrained:
            if all(name in one.items for name in common) and all(one.items != other.items for other in found):
                found.append(replace(one, bounds=system.bounds, best_value=system.best_value))
    return [Untrained(name=one.name, source=one.source, score=_score(one, common, metric)) for one in found]


def _metric(systems: Sequence[Scored]) -> Metric | None:
    """The metric over all items together; ``None`` if it is a mean of item scores."""
    if not any(system.pooled for system in systems):
        return None
    task = next((system.task for system in systems if system.task), "")
    if not all(system.verdicts for system in systems) or not task:
        raise UsageError(
            "a metric over all items together needs ftdojo's own results", fix="compare runs or score files"
        )
    return tasks.get(task, runner=sandbox.run_user_code).scorer.value


def _score(system: Scored, common: Sequence[str], metric: Metric | None) -> Value:
    strata = [system.items[name].subtask for name in common]
    if metric is None:
        scores = [system.items[name].score for name in common]
        return _value(stratified_mean(scores, strata, bounds=system.bounds).scaled(system.best_value))
    verdicts = [system.verdicts[name] for name in common]
    return _value(bootstrap(lambda chosen: metric([verdicts[i] for i in chosen]), strata))


def _against(first: Scored, other: Scored, common: Sequence[str], margin: float, metric: Metric | None) -> Against:
    ours, theirs = ([system.items[name] for name in common] for system in (other, first))
    sign = 1.0 if first.higher_is_better else -1.0
    gaps = [sign * (a.score - b.score) for a, b in zip(ours, theirs, strict=True)]
    strata = [item.subtask for item in theirs]
    difference = _difference(first, other, common, metric)
    low, high = sorted(sign * end for end in difference.interval)
    binary = {item.score for item in (*ours, *theirs)} <= {0.0, 1.0} and len(set(strata)) == 1 and metric is None
    tally = Tally.of(gaps)
    flips = sorted((gap, name) for gap, name in zip(gaps, common, strict=True) if gap)
    return Against(
        name=other.name,
        source=other.source,
        score=_score(other, common, metric),
        difference=difference,
        verdict="better" if low > 0 else "worse" if high < 0 else "not shown",
        within_margin=low > -margin,
        test="mcnemar" if binary else "permutation",
        p_value=tally.p_value if binary else sign_flips(gaps, strata),
        won=tally.wins,
        lost=tally.losses,
        groups=_groups(first, ours, theirs),
        flips=[Flip(id=name, first=first.items[name].score, other=other.items[name].score) for _, name in flips],
    )


def _difference(first: Scored, other: Scored, common: Sequence[str], metric: Metric | None) -> Value:
    strata = [first.items[name].subtask for name in common]
    if metric is None:
        ours, theirs = ([system.items[name].score for name in common] for system in (other, first))
        return _value(paired_difference(ours, theirs, strata, bounds=first.bounds).scaled(first.best_value))

    def gap(chosen: Sequence[int]) -> float:
        ours, theirs = ([system.verdicts[common[i]] for i in chosen] for system in (other, first))
        return metric(ours) - metric(theirs)

    return _value(bootstrap(gap, strata))


def _groups(first: Scored, ours: Sequence[Item], theirs: Sequence[Item]) -> list[Group]:
    """The mean item scores by sub-task and by class."""
    found = []
    low, high = first.bounds
    if not all(low <= item.score <= high for item in (*ours, *theirs)):  # errors, which have no bound
        return []
    scale = first.best_value or 1.0
    names: list[tuple[Literal["sub-task", "class"], str]] = [
        *(("sub-task", name) for name in dict.fromkeys(item.subtask for item in theirs) if name),
        *(("class", name) for name in sorted({item.group for item in theirs}) if name),
    ]
    for kind, name in names:
        chosen = [i for i, item in enumerate(theirs) if (item.subtask if kind == "sub-task" else item.group) == name]
        a, b = [ours[i].score for i in chosen], [theirs[i].score for i in chosen]
        gap = paired_difference(a, b, [""] * len(chosen), bounds=first.bounds).scaled(scale)
        found.append(
            Group(
                name=name,
                kind=kind,
                n=len(chosen),
                first=_mean(b, first),
                other=_mean(a, first),
                difference=_value(gap),
            )
        )
    return found


def _mean(scores: Sequence[float], system: Scored) -> Value:
    """The mean score of the items of one group, in the unit of a system's metric."""
    return _value(stratified_mean(scores, [""] * len(scores), bounds=system.bounds).scaled(system.best_value or 1.0))


def _value(estimate: Estimate) -> Value:
    return Value(value=estimate.value, interval=(estimate.low, estimate.high), n=estimate.n)
