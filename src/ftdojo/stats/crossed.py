"""Items and seeds: two sources of noise in one mean, estimated separately.

A contestant is run with several seeds, and every run is scored on the same items: a two-way layout with one
observation a cell. Both the items and the seeds are samples, of the questions that could have been asked and of the
runs that could have been made, so the model has crossed random effects,

    score[s, i] = mean + item[i] + seed[s] + rest[s, i],

and the variance of the overall mean is estimated by the mean squares of the analysis of variance,
``(MS_items + MS_seeds - MS_rest) / (number of items and seeds)``, with Satterthwaite's degrees of freedom (Searle,
Casella and McCulloch 1992, Variance Components, chapter 4; Satterthwaite 1946, doi 10.2307/3002019). An interval over
items alone would hold for these very runs, one over seeds alone for these very items.

A difference of two contestants is the same with ``score = ours - theirs``, paired by item and by seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ftdojo.stats.interval import (
    CONFIDENCE,
    Estimate,
    interval_of_score,
    stratified_variance,
    student_t,
    student_t_tail,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossed:
    """A mean over items and seeds, and where its uncertainty comes from. All in the unit of the values."""

    value: float
    by_seed: tuple[float, ...]
    """The mean of every seed's run."""
    item_variance: float
    """Of ``value``, because other items could have been asked."""
    seed_variance: float | None
    """Of ``value``, because other seeds could have been drawn; ``None`` with one seed, where it cannot be measured."""
    freedom: float
    """Degrees of freedom of the sum of both."""
    n: int
    """Items."""

    @property
    def standard_error(self) -> float:
        """Of ``value``."""
        return math.sqrt(self.item_variance + (self.seed_variance or 0.0))

    @property
    def item_error(self) -> float:
        """The part of the standard error that more items would reduce."""
        return math.sqrt(self.item_variance)

    @property
    def seed_deviation(self) -> float | None:
        """Standard deviation of single runs around their mean, on these items; ``None`` with one seed."""
        return float(np.std(self.by_seed, ddof=1)) if len(self.by_seed) > 1 else None

    @property
    def p_value(self) -> float:
        """Two-sided, of the hypothesis that the mean is zero."""
        if self.standard_error == 0.0:
            return 1.0 if self.value == 0.0 else 0.0
        return 2 * student_t_tail(abs(self.value) / self.standard_error, self.freedom)

    def estimate(self, *, bounds: tuple[float, float] | None = None, confidence: float = CONFIDENCE) -> Estimate:
        """The mean with its interval: of a score, if its ``bounds`` are given, and otherwise of a difference."""
        half = student_t(0.5 + confidence / 2, self.freedom) * self.standard_error
        if bounds is not None:
            return interval_of_score(self.value, half, self.n, bounds)
        return Estimate(self.value, self.value - half, self.value + half, self.n)

    def scaled(self, factor: float) -> Crossed:
        """The same in another unit, e.g. ``factor=100`` for per cent."""
        return Crossed(
            value=self.value * factor,
            by_seed=tuple(value * factor for value in self.by_seed),
            item_variance=self.item_variance * factor**2,
            seed_variance=None if self.seed_variance is None else self.seed_variance * factor**2,
            freedom=self.freedom,
            n=self.n,
        )


def crossed(
    values: Sequence[Sequence[float]], strata: Sequence[str], *, bounds: tuple[float, float] = (0.0, 1.0)
) -> Crossed:
    """The mean over seeds of the stratified mean over items (see :func:`ftdojo.stats.stratified_mean`).

    Args:
        values: one score a seed and item, shape ``(seeds, n)``, each within ``bounds``.
        strata: the stratum of each item, shape ``(n,)``.
        bounds: lowest and highest possible score; of a difference, plus and minus their width.

    Raises:
        ValueError: for no seeds, no items, unequal lengths or a value outside the bounds.
    """
    data = np.asarray(values, dtype=float)
    if data.ndim != 2 or data.size == 0:
        raise ValueError(f"need values of shape (seeds, items) and at least one, got shape {data.shape}")
    mean, item_variance, freedom = stratified_variance(data.mean(axis=0).tolist(), strata, bounds=bounds)
    labels = np.asarray(strata, dtype=object)
    groups = [data[:, labels == label] for label in sorted(set(strata))]
    by_seed = np.mean([group.mean(axis=1) for group in groups], axis=0)
    seed_variance = None
    seeds = len(data)
    if seeds > 1:
        total = float(by_seed.var(ddof=1)) / seeds
        rest, rest_freedom = _rest(groups)
        seed_variance = max(0.0, total - rest)
        if seed_variance:
            parts = [(item_variance, freedom), (total, seeds - 1.0), (rest, rest_freedom)]
            freedom = (item_variance + seed_variance) ** 2 / sum(v**2 / f for v, f in parts if v)
    return Crossed(
        value=mean,
        by_seed=tuple(by_seed.tolist()),
        item_variance=item_variance,
        seed_variance=seed_variance,
        freedom=freedom,
        n=data.shape[1],
    )


def _rest(groups: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """The part of the mean's variance that is due neither to items nor to seeds, and its degrees of freedom."""
    parts, freedoms = [], []
    for group in groups:
        seeds, items = group.shape
        freedom = (seeds - 1) * (items - 1)
        if freedom:
            residual = group - group.mean(axis=0) - group.mean(axis=1, keepdims=True) + group.mean()
            parts.append(float(np.square(residual).sum()) / freedom / (seeds * items) / len(groups) ** 2)
            freedoms.append(freedom)
    return sum(parts), float(sum(freedoms)) or 1.0


def crossed_pooled(by_seed: Sequence[float], resamples: Sequence[Sequence[float]], n: int) -> Crossed:
    """The same for a metric of the set as a whole, such as an F-score, which has no scores of single items.

    The rest cannot be separated from seeds and items here and is counted in both, which makes intervals somewhat wide.

    Args:
        by_seed: the metric of every seed's run, shape ``(seeds,)``.
        resamples: its values over bootstrap samples of the items, the same samples for all seeds (see
            :func:`ftdojo.stats.resampled`), shape ``(seeds, samples)``.
        n: the number of items.
    """
    seeds = len(by_seed)
    item_variance = float(np.var(np.mean(resamples, axis=0), ddof=1))
    seed_variance = float(np.var(by_seed, ddof=1)) / seeds if seeds > 1 else None
    freedom = math.inf
    if seed_variance:
        freedom = (item_variance + seed_variance) ** 2 / (seed_variance**2 / (seeds - 1))
    return Crossed(
        value=float(np.mean(by_seed)),
        by_seed=tuple(by_seed),
        item_variance=item_variance,
        seed_variance=seed_variance,
        freedom=freedom,
        n=n,
    )
