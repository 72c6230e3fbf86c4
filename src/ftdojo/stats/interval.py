"""The interval of a mean over one set of items.

The core metric of most tasks is the unweighted mean over sub-tasks of the mean item score, so items are a stratified
sample with the sub-tasks as strata. An interval is Student's t on the standard error of that mean. A metric of the set
as a whole, such as an F-score, has an interval by the bootstrap. Two systems are compared on the *same* items: the
interval is that of the mean of the item-wise differences, in which the difficulty of an item cancels (Miller 2024,
arXiv 2411.00640, section 4).

Small samples of scores at the end of their range (0 of 40 right) have no observed variance, and a plain t interval
would claim certainty. The variance of every stratum is therefore taken over the sample with one more observation at
each end of the range (Agresti and Caffo 2000, doi 10.1080/00031305.2000.10474560). The interval of a score has its
middle where these two observations would put the mean of all items; the score itself is untouched. Around the score
itself, the interval of few right answers would be too short at the upper end. That of a difference, which lies far from
the ends of its range, has its middle at the difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 1000
BOOTSTRAP_SEED = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its two-sided confidence interval; ``n`` is the number of items that it rests on."""

    value: float
    low: float
    high: float
    n: int

    def scaled(self, factor: float) -> Estimate:
        """The same estimate in another unit, e.g. ``factor=100`` for per cent."""
        low, high = sorted((self.low * factor, self.high * factor))
        return Estimate(self.value * factor, low, high, self.n)


def stratified_mean(
    values: Sequence[float],
    strata: Sequence[str],
    *,
    bounds: tuple[float, float] = (0.0, 1.0),
    confidence: float = CONFIDENCE,
) -> Estimate:
    """The unweighted mean over strata of the mean of ``values``, with its interval.

    Args:
        values: one score an item, shape ``(n,)``, each within ``bounds``.
        strata: the stratum of each item, shape ``(n,)``.
        bounds: lowest and highest possible score; the interval is cut to them.
        confidence: two-sided, between 0 and 1.

    Raises:
        ValueError: for no items, unequal lengths or a value outside the bounds.
    """
    mean, variance, freedom = stratified_variance(values, strata, bounds=bounds)
    half = student_t(0.5 + confidence / 2, freedom) * math.sqrt(variance)
    return interval_of_score(mean, half, len(values), bounds)


def interval_of_score(mean: float, half: float, n: int, bounds: tuple[float, float]) -> Estimate:
    """The estimate of a mean score over ``n`` items: its interval is ``half`` long on either side of where one more
    observation at each of the ``bounds`` would put the mean, and is cut to them."""
    low, high = bounds
    middle = (n * mean + low + high) / (n + 2)
    return Estimate(mean, max(low, middle - half), min(high, middle + half), n)


def stratified_variance(
    values: Sequence[float], strata: Sequence[str], *, bounds: tuple[float, float]
) -> tuple[float, float, float]:
    """The stratified mean, the variance of that mean, and its degrees of freedom. Arguments and errors as for
    :func:`stratified_mean`."""
    data = np.asarray(values, dtype=float)
    labels = np.asarray(strata, dtype=object)
    if data.size == 0 or data.shape != labels.shape:
        raise ValueError(f"need as many strata as values and at least one, got {data.size} and {labels.size}")
    low_bound, high_bound = bounds
    if not (np.all(data >= low_bound) and np.all(data <= high_bound)):
        raise ValueError(f"values must be finite and lie within {bounds}")
    groups = [data[labels == label] for label in sorted(set(strata))]
    mean = float(np.mean([group.mean() for group in groups]))
    variances = [np.append(group, bounds).var(ddof=1) / (group.size + 2) for group in groups]
    # Welch and Satterthwaite: the degrees of freedom of a sum of independent variance estimates. The bounds that each
    # group was extended by differ, so none of them is zero.
    freedom = float(sum(variances)) ** 2 / sum(v**2 / (g.size + 1) for v, g in zip(variances, groups, strict=True))
    return mean, float(sum(variances)) / len(groups) ** 2, float(freedom)


def paired_difference(
    values: Sequence[float],
    reference: Sequence[float],
    strata: Sequence[str],
    *,
    bounds: tuple[float, float] = (0.0, 1.0),
    confidence: float = CONFIDENCE,
) -> Estimate:
    """The stratified mean of ``values - reference`` over the same items in the same order, with its interval.

    ``bounds`` are those of one score; a difference lies within plus or minus their width.
    """
    if len(values) != len(reference):
        raise ValueError(f"paired scores must come from the same items, got {len(values)} and {len(reference)}")
    width = bounds[1] - bounds[0]
    differences = np.asarray(values, dtype=float) - np.asarray(reference, dtype=float)
    mean, variance, freedom = stratified_variance(differences.tolist(), strata, bounds=(-width, width))
    half = student_t(0.5 + confidence / 2, freedom) * math.sqrt(variance)
    return Estimate(mean, max(-width, mean - half), min(width, mean + half), len(values))


def bootstrap(
    statistic: Callable[[Sequence[int]], float], strata: Sequence[str], *, confidence: float = CONFIDENCE
) -> Estimate:
    """A statistic of a set of items, with its percentile bootstrap interval (Efron 1979, doi 10.1214/aos/1176344552).

    Args:
        statistic: its value over the items of these positions, which may repeat.
        strata: the stratum of each item, shape ``(n,)``; items are drawn anew within their stratum.

    Raises:
        ValueError: for no items.
    """
    low, high = np.quantile(resampled(statistic, strata), [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Estimate(statistic(range(len(strata))), float(low), float(high), len(strata))


def resampled(statistic: Callable[[Sequence[int]], float], strata: Sequence[str]) -> list[float]:
    """The values of a statistic over :data:`RESAMPLES` bootstrap samples. The samples depend on the strata alone, so
    the values of two systems on the same items are paired. Arguments and errors as for :func:`bootstrap`."""
    if not strata:
        raise ValueError("need at least one item")
    labels = np.asarray(strata, dtype=object)
    groups = [np.flatnonzero(labels == label) for label in sorted(set(strata))]
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    return [
        statistic(np.concatenate([rng.choice(group, group.size) for group in groups]).tolist())
        for _ in range(RESAMPLES)
    ]


def mean_over(values: Sequence[float], *, confidence: float = CONFIDENCE) -> Estimate:
    """The plain mean of unbounded values, such as one figure a task, with Student's t interval.

    Raises:
        ValueError: for fewer than two values, which have no measurable spread.
    """
    if len(values) < 2:
        raise ValueError("an interval needs at least two values")
    half = student_t(0.5 + confidence / 2, len(values) - 1) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    mean = float(np.mean(values))
    return Estimate(mean, mean - half, mean + half, len(values))


def student_t(probability: float, freedom: float) -> float:
    """The quantile of Student's t distribution; of the normal one for infinite ``freedom``."""
    from scipy.special import ndtri, stdtrit  # scipy.stats takes a second to import; these are what is beneath it

    return float(ndtri(probability) if math.isinf(freedom) else stdtrit(freedom, probability))


def student_t_tail(value: float, freedom: float) -> float:
    """The probability of exceeding ``value``."""
    from scipy.special import ndtr, stdtr

    return float(ndtr(-value) if math.isinf(freedom) else stdtr(freedom, -value))
