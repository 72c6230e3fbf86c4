"""Aggregation of item scores to metrics: the means that scorers share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from ftdojo.tasks.spec import ItemScore


def subtask_mean(scores: Sequence[ItemScore], value: Callable[[ItemScore], float]) -> float:
    """Return the unweighted mean, over the sub-tasks that occur, of the mean of ``value`` over their items.

    Raises:
        ValueError: if there are no scores.
    """
    if not scores:
        raise ValueError("no scores to aggregate")
    groups: dict[str, list[float]] = {}
    for score in scores:
        groups.setdefault(score.subtask, []).append(value(score))
    return fmean(fmean(group) for group in groups.values())


def parsed_percent(scores: Sequence[ItemScore]) -> float:
    """Return the share of outputs in which an answer of the right form was found, in per cent."""
    return 100.0 * fmean(score.parsed for score in scores)
