"""How many seeds it would take to show a difference between two contestants on the same items."""

from __future__ import annotations

import math

from ftdojo.stats.interval import CONFIDENCE, student_t

MOST_SEEDS = 1000


def power(effect: float, deviation: float, seeds: int, *, confidence: float = CONFIDENCE) -> float:
    """The probability that a paired t-test over this number of seeds finds a difference.

    The test statistic has a noncentral t distribution (Cohen 1988, Statistical Power Analysis, chapter 2).

    Args:
        effect: the true mean difference.
        deviation: standard deviation of the difference from seed to seed, above 0, in the same unit.
        seeds: at least 2.
        confidence: of the two-sided test.
    """
    from scipy.special import nctdtr

    freedom, shift = seeds - 1, abs(effect) / deviation * math.sqrt(seeds)
    critical = student_t(0.5 + confidence / 2, freedom)
    # Far out, where the function underflows to nan, the difference is found with certainty.
    beyond = 1 - float(nctdtr(freedom, shift, critical)) + float(nctdtr(freedom, shift, -critical))
    return 1.0 if math.isnan(beyond) else beyond


def seeds_needed(effect: float, deviation: float, *, wanted: float = 0.8, confidence: float = CONFIDENCE) -> int | None:
    """The fewest seeds with which a paired t-test finds a difference with probability ``wanted``; ``None`` if that
    takes more than :data:`MOST_SEEDS`. Arguments as for :func:`power`."""
    if deviation == 0:
        return 2 if effect else None
    if power(effect, deviation, MOST_SEEDS, confidence=confidence) < wanted:
        return None
    low, high = 2, MOST_SEEDS
    while low < high:
        middle = (low + high) // 2
        if power(effect, deviation, middle, confidence=confidence) < wanted:
            low = middle + 1
        else:
            high = middle
    return low
