"""Aggregation of item scores to metrics: the means that scorers share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from ftdojo.tasks.spec import BAD_GOLD, ItemScore


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


def unreadable_gold(scores: Sequence[ItemScore]) -> dict[str, float]:
    """Return the number of items whose gold answer cannot be read, under its name; nothing if there is none."""
    count = sum(score.error == BAD_GOLD for score in scores)
    return {"unreadable_gold": float(count)} if count else {}


def over_parsed(
    metric: str, value: Callable[[Sequence[ItemScore]], float], scores: Sequence[ItemScore]
) -> dict[str, float]:
    """Return ``value`` over the outputs in which an answer was found, under the name of ``metric`` with ``_of_parsed``.

    Some reference harnesses leave out what they cannot parse, so their figures compare with this one; 0 if nothing was
    parsed.
    """
    parsed = [score for score in scores if score.parsed and score.error != BAD_GOLD]
    return {f"{metric}_of_parsed": value(parsed) if parsed else 0.0}


def readable(scores: Sequence[ItemScore]) -> list[ItemScore]:
    """Return the scores of the items whose gold answer can be read."""
    return [score for score in scores if score.error != BAD_GOLD]
