"""Several tasks together: scores on one scale, and ranks, whatever the direction of a metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def normalized(value: float, *, base: float, best: float) -> float:
    """How far ``value`` is on the way from ``base`` (0) to ``best`` (1); below 0 if it is worse than ``base``.

    The direction of the metric is that from base to best. With the base model as ``base`` and a perfect score as
    ``best`` a contestant's figure does not depend on who else takes part.

    Raises:
        ValueError: if there is no way between them.
    """
    if base == best:
        raise ValueError(f"base and best are both {base}: there is nothing to gain")
    return (value - base) / (best - base)


def ranks(values: Sequence[float], *, higher_is_better: bool) -> list[float]:
    """The rank of each value, 1 for the best; equal values share the mean of their ranks (fractional ranking)."""
    data = np.asarray(values, dtype=float) * (1 if higher_is_better else -1)
    better = (data[None, :] > data[:, None]).sum(axis=1)
    equal = (data[None, :] == data[:, None]).sum(axis=1)
    return [float(b + (e + 1) / 2) for b, e in zip(better, equal, strict=True)]


def mean_ranks(scores: Mapping[str, Sequence[float]], *, higher_is_better: Sequence[bool]) -> dict[str, float]:
    """The mean over tasks of each contestant's rank (Demšar 2006, JMLR 7, section 3.2).

    Args:
        scores: contestant -> its score on every task, all in the same order of tasks.
        higher_is_better: the direction of every task's metric.

    Raises:
        ValueError: for no tasks, or unequal numbers of them.
    """
    if not higher_is_better or any(len(row) != len(higher_is_better) for row in scores.values()):
        raise ValueError("every contestant needs one score for each task, and there must be at least one task")
    columns = [
        ranks([row[task] for row in scores.values()], higher_is_better=better)
        for task, better in enumerate(higher_is_better)
    ]
    return {name: float(np.mean([column[i] for column in columns])) for i, name in enumerate(scores)}
