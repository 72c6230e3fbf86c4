"""A paired test that may be looked at while the answers come in: is a complete evaluation still going to show a gain?

The items are a finite set of size n, answered in a random order. A bettor wagers, block by block, that the mean
difference over all n items is *below* a target. If it is not, the capital is a supermartingale that begins at 1 and
exceeds ``1 / alpha`` at any time with a probability of at most ``alpha`` (Ville's inequality), however often one looks.
This is betting on a bounded mean without replacement (Waudby-Smith and Ramdas 2024, Estimating means of bounded random
variables by betting, arXiv 2010.09686, section 5): the differences that are known determine what the others must add
up to, so each block is a bet on the mean of the items that are left. It needs fewer items than its counterpart with
replacement, which ignores that the set ends.

Two additions do not change the guarantee. Every prefix of the order has the same share of every stratum, up to one
item: within a block the product of fair bets then has an expectation of at most 1 too, by the inequalities of Maclaurin
and of the means. And the scores of the reference are known for *all* items, so a block is corrected for how hard its
items were for the reference (a control variate): the correction has mean zero whatever its factor is.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ftdojo.stats.interval import CONFIDENCE, student_t

ALPHA = 0.3
"""An evaluation that would be accepted if it were complete is stopped with at most this probability; in simulations it
is far below 1 % (``benchmarks/sequential.py``)."""
FIRST_SHARE, STEP_SHARE, LAST_SHARE = 0.15, 0.1, 0.8
"""An evaluation may stop after this share of the items, then after each further tenth, up to four fifths."""
MIN_PART = 16
"""Least number of items of a part: a small batch takes almost as long as a larger one."""
BLOCK = 10
"""Items of one bet. The next bet is chosen with what was learned from them."""
PRIOR_ITEMS, PRIOR_VARIANCE, PRIOR_SLOPE = 40, 0.1, -0.2
"""What the first bets assume, and how many items this counts for: the variance of a difference, and how it falls with
the reference's score. They decide how fast the capital grows, and not whether the test is valid."""
BOLDEST = 0.75
"""Share of the capital that may be lost on one item."""


def interleave(strata: Sequence[str], *, seed: int = 0) -> list[int]:
    """Return the positions of all items in a random order of which every prefix holds about the same share of every
    stratum: exactly the same up to one item."""
    rng = random.Random(seed)  # noqa: S311 - an order, no secret
    draws = [rng.random() for _ in strata]  # a sequence that Python guarantees, unlike that of shuffle
    places = {}
    for name in dict.fromkeys(strata):
        own = sorted((i for i, stratum in enumerate(strata) if stratum == name), key=lambda i: draws[i])
        places.update({i: (rank + 0.5) / len(own) for rank, i in enumerate(own)})
    return sorted(places, key=lambda i: (places[i], draws[i]))


def looks(n: int) -> list[int]:
    """Return the numbers of items after which an evaluation of ``n`` items may stop, ``n`` itself included."""
    first, step = (max(round(share * n), MIN_PART) for share in (FIRST_SHARE, STEP_SHARE))
    return [*range(first, int(LAST_SHARE * n) + 1, step), n]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The beginning of a paired comparison, in the order in which the items are answered."""

    differences: Sequence[float]
    """New score minus reference, of the items that are answered: shape ``(t,)``, each within -1 and 1."""
    reference: Sequence[float]
    """Scores of the reference on all items: shape ``(n,)``, each within 0 and 1."""
    strata: Sequence[str]
    """Stratum of each item, shape ``(n,)``. The mean in question is the unweighted mean over the strata."""

    def __post_init__(self) -> None:
        """Check the shapes.

        Raises:
            ValueError: if nothing was answered, or the lengths do not fit.
        """
        if not 0 < len(self.differences) <= len(self.reference) == len(self.strata):
            raise ValueError(
                f"need differences of the first of {len(self.strata)} items, got {len(self.differences)} differences "
                f"and {len(self.reference)} reference scores"
            )

    def target(self, *, confidence: float = CONFIDENCE) -> float:
        """Return the difference that a complete evaluation needs: half the width of the interval that
        :func:`ftdojo.stats.paired_difference` is expected to have over all items.

        The variance within the strata is taken from the answered items. The two observations that widen the interval
        are added as they will be then.
        """
        answered = np.asarray(self.differences, dtype=float)
        labels = np.asarray(self.strata[: len(answered)], dtype=object)
        groups = [answered[labels == name] for name in dict.fromkeys(labels)]
        squares, freedom = sum(float(group.var()) * len(group) for group in groups), len(answered) - len(groups)
        spread = squares / freedom if freedom > 0 else float(answered.var())
        sizes = [self.strata.count(name) for name in dict.fromkeys(self.strata)]
        variances = [(spread * (size - 1) + 2) / (size + 1) / (size + 2) for size in sizes]
        error = math.sqrt(sum(variances)) / len(sizes)
        return student_t(0.5 + confidence / 2, len(self.strata) + len(sizes)) * error

    def log_capital(self, target: float) -> float:
        """Return the logarithm of the capital of a bettor who wagers that the mean difference over all items is below
        ``target``; infinite if the answers that are left cannot bring it there."""
        n, weights = len(self.strata), self._weights
        reference = weights * np.asarray(self.reference, dtype=float)
        gains = weights[: len(self.differences)] * np.asarray(self.differences, dtype=float)
        capital, widest = 0.0, float(weights.max())
        for begin, end in pairwise(_blocks(n, len(gains))):
            past, shown, rest = gains[:begin], reference[:begin], reference[begin:]
            needed = (n * target - float(past.sum())) / (n - begin)
            slope = _slope(past, shown)
            centred = reference[begin:end] - float(rest.mean())
            corrected = gains[begin:end] - slope * centred
            expected = _expected(past, shown, rest, slope)
            edge = max(needed - expected, 0.0)
            stake = min(edge / (_variance(past, shown, slope) + edge**2), BOLDEST / (widest * (1 + abs(slope)) + 1))
            capital += float(np.log1p(stake * (needed - corrected)).sum())
        left = n * target - float(gains.sum())
        most = float((weights - reference)[len(gains) :].sum())
        return math.inf if left > most else capital

    @property
    def _weights(self) -> NDArray[np.float64]:
        """Weights with which the plain mean over all items is the mean over the strata."""
        names = list(dict.fromkeys(self.strata))
        sizes = {name: self.strata.count(name) for name in names}
        return np.array([len(self.strata) / (len(names) * sizes[name]) for name in self.strata])


def is_futile(comparison: Comparison, *, alpha: float = ALPHA) -> bool:
    """Return whether it is clear that the complete evaluation will not show the new scores to be better.

    For a fixed target the probability to stop an evaluation that reaches it is at most ``alpha``, over all looks
    together. The target itself is estimated, which simulations cover.
    """
    return comparison.log_capital(comparison.target()) >= -math.log(alpha)


def _blocks(n: int, answered: int) -> list[int]:
    """Return the bounds of the bets. Those before a look do not depend on what comes after it."""
    bounds = [0]
    for end in looks(n):
        bounds += [*range(bounds[-1] + BLOCK, end, BLOCK), end]
    return [bound for bound in bounds if bound < answered] + [answered]


def _slope(past: NDArray[np.float64], shown: NDArray[np.float64]) -> float:
    """Return by how much a difference falls with the reference's score, between -1 and 0: ridge regression towards the
    prior."""
    spread = covariance = 0.0
    if past.size:
        deviations = shown - shown.mean()
        spread, covariance = float(deviations @ deviations), float(deviations @ past)
    prior = PRIOR_ITEMS * PRIOR_VARIANCE
    return min(max((covariance + PRIOR_SLOPE * prior) / (spread + prior), -1.0), 0.0)


def _variance(past: NDArray[np.float64], shown: NDArray[np.float64], slope: float) -> float:
    """Return the variance of a corrected difference, from the past and the prior."""
    squares = PRIOR_ITEMS * PRIOR_VARIANCE * (1 - slope**2)
    if past.size:
        residuals = past - past.mean() - slope * (shown - shown.mean())
        squares += float(residuals @ residuals)
    return max(squares / (past.size + PRIOR_ITEMS), 0.01)


def _expected(past: NDArray[np.float64], shown: NDArray[np.float64], rest: NDArray[np.float64], slope: float) -> float:
    """Return the mean difference of the items that are left as it is expected from the past; 0 before there is one."""
    if not past.size:
        return 0.0
    trust = past.size / (past.size + PRIOR_ITEMS)
    return trust * float(past.mean() + slope * (rest.mean() - shown.mean()))
