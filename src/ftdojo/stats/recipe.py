"""Is the *recipe* better, and not only this model? The variance between seeds, and differences that count it.

An interval over items holds for the very models that were scored. A recipe (data program and training configuration)
makes another model with another seed, so a claim about recipes needs the variance between seeds too:

    variance of the difference = variance over items + seed variance x (1 / runs of one + 1 / runs of the other).

A run seldom has more than a few repeats, so their pooled variance is combined with a prior as if it were the variance
of a few more repeats (the conjugate scaled inverse chi-square prior, e.g. Gelman et al. 2013, Bayesian Data Analysis,
section 2.6).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ftdojo.stats.interval import CONFIDENCE, Estimate, student_t

PRIOR_DEVIATION = 0.05
"""Standard deviation of a score between seeds, as a share of the metric's range. It is between what the contests show
so far: the trained models of one task (``patent/pi4pc``, docs/twin-contest: 74, 74 and 73 of 100) hardly differ, its
runs as a whole (49, 74, 74, where the first kept the base model) by 14 points. ``benchmarks/aa.py --real`` measures it
for one recipe."""
PRIOR_FREEDOM = 4
"""How many degrees of freedom the prior counts for."""


@dataclass(frozen=True, slots=True)
class SeedVariance:
    """The variance of a recipe's score between seeds, on the same items, and its degrees of freedom."""

    value: float
    freedom: float


def pool_seed_variance(repeats: Sequence[Sequence[float]], *, range_: float) -> SeedVariance:
    """Return the variance between seeds, pooled over recipes, with the prior.

    Args:
        repeats: for each recipe the scores of its runs, on the same items; single runs say nothing.
        range_: width of the metric's range, in the unit of the scores.
    """
    variance, freedom = (PRIOR_DEVIATION * range_) ** 2, float(PRIOR_FREEDOM)
    squares = variance * freedom
    for scores in repeats:
        if len(scores) > 1:
            squares += float(np.var(scores, ddof=1)) * (len(scores) - 1)
            freedom += len(scores) - 1
    return SeedVariance(squares / freedom, freedom)


def recipe_difference(
    gap: Estimate, seeds: SeedVariance, *, runs: int = 1, reference_runs: int = 1, confidence: float = CONFIDENCE
) -> Estimate:
    """Return the difference of two recipes, with an interval for other items and other seeds.

    Args:
        gap: paired difference of the mean scores of their runs, with its interval over items at the same confidence.
        seeds: the variance between seeds, in the square of its unit.
        runs: number of runs of the new recipe.
        reference_runs: number of runs of the other one; 0 for the base model, which has no seed.
        confidence: two-sided, between 0 and 1.
    """
    items = ((gap.high - gap.low) / 2 / student_t(0.5 + confidence / 2, max(gap.n - 1, 1))) ** 2
    between = seeds.value * (1 / runs + (1 / reference_runs if reference_runs else 0.0))
    total = items + between
    # Welch and Satterthwaite, as for the interval over items.
    freedom = total**2 / (items**2 / max(gap.n - 1, 1) + between**2 / seeds.freedom)
    half = student_t(0.5 + confidence / 2, freedom) * math.sqrt(total)
    return Estimate(gap.value, gap.value - half, gap.value + half, gap.n)
