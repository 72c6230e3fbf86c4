"""What more training would buy: a saturating curve through the few scores that a run has measured.

The score of a training of ``x`` rows (or seconds) is taken to be ``a - (a - s) / (1 + (x / h) ** p)`` plus noise: it
begins at ``s``, saturates at ``a``, and is half way at ``h``. With a power ``p`` of 1 it rises ever more slowly; with
higher ones it is flat at first, as where an answer is right only if all its parts are. Few points do not determine such
a curve. So nothing is fitted: all curves of a grid are weighted by how likely they make the scores, and the forecast is
the mean over them, with the interval that holds 95 % of what they predict for one more training. The noise (other
settings, another seed) is one of the unknowns. Its prior, like the others, is flat on the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ftdojo.stats.interval import CONFIDENCE, Estimate

Array = npt.NDArray[np.float64]

LEAST_POINTS = 3
"""From fewer amounts nothing is said: through two points there is every curve."""
APART = 1.2
"""Amounts within this factor count as one."""
LEVELS, REACH = 41, 41
"""Values of the grid for a level, and for the half-way point, which spans from a tenth of the least amount to a hundred
times the greatest."""
POWERS = (1.0, 2.0, 4.0)
"""Values of the power."""
NOISES = (0.01, 0.02, 0.04, 0.08, 0.16)
"""Standard deviations between trainings of the same amount, as shares of the metric's range."""
DRAWS, SEED = 4000, 0


@dataclass(frozen=True, slots=True)
class Point:
    """A training and its score."""

    amount: float
    """Rows or seconds, above 0."""
    score: float
    error: float
    """Standard error of the score over the items."""


def forecast(
    points: Sequence[Point], amounts: Sequence[float], *, worst: float, best: float, kept: float | None = None
) -> list[Estimate] | None:
    """Return the score that one training of each amount is expected to reach, with its interval.

    Args:
        points: what was measured.
        amounts: to forecast, above 0.
        worst: the metric's value of no skill at all.
        best: the metric's best value; lower than ``worst`` if lower is better.
        kept: the score of the model that is kept if the new one is worse; if given, the better of the two is forecast.

    Returns:
        An estimate for each amount; ``None`` if the points have fewer than :data:`LEAST_POINTS` different amounts.
    """
    if _count_apart([point.amount for point in points]) < LEAST_POINTS or worst == best:
        return None
    x = np.array([point.amount for point in points])
    y = (np.array([point.score for point in points]) - worst) / (best - worst)
    error = np.array([point.error for point in points]) / abs(best - worst)
    levels = np.linspace(0.0, 1.0, LEVELS)
    halves = np.geomspace(x.min() / 10, x.max() * 100, REACH)
    grid = np.meshgrid(levels, levels, halves, POWERS, NOISES, indexing="ij")
    top, start, half, power, noise = (axis[grid[0] >= grid[1]] for axis in grid)
    likelihood = np.zeros(top.size)
    for at, value, spread in zip(x, y, error, strict=True):
        variance = spread**2 + noise**2
        likelihood -= ((value - _curve(at, top, start, half, power)) ** 2 / variance + np.log(variance)) / 2
    weights = np.exp(likelihood - likelihood.max())
    rng = np.random.default_rng(SEED)
    drawn = rng.choice(top.size, DRAWS, p=weights / weights.sum())
    shift = rng.standard_normal(DRAWS) * noise[drawn]
    shape = (top[drawn], start[drawn], half[drawn], power[drawn])
    least = 0.0 if kept is None else min(1.0, max(0.0, (kept - worst) / (best - worst)))
    return [_estimate(np.clip(_curve(at, *shape) + shift, least, 1), worst, best, len(points)) for at in amounts]


def _curve(amount: float, top: Array, start: Array, half: Array, power: Array) -> Array:
    return top - (top - start) / (1 + (amount / half) ** power)


def _estimate(shares: Array, worst: float, best: float, n: int) -> Estimate:
    values = worst + (best - worst) * shares
    low, high = np.quantile(values, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
    return Estimate(float(values.mean()), float(low), float(high), n)


def _count_apart(amounts: Sequence[float]) -> int:
    """Return how many amounts there are of which each is :data:`APART` times the one before."""
    count, last = 0, 0.0
    for amount in sorted(amounts):
        if amount > APART * last:
            count, last = count + 1, amount
    return count
