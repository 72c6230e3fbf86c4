"""A rate that an imperfect judge has counted, corrected for the judge's errors.

A judge that accepts a share ``sensitivity`` of the right cases, and rejects a share ``specificity`` of the wrong ones,
accepts a share ``t`` of all of them. The true share of right ones is then ``(t + specificity - 1) / (sensitivity +
specificity - 1)`` (Rogan and Gladen 1978, doi 10.1093/oxfordjournals.aje.a112510).

Both shares are estimates themselves, from cases of which the truth is known. The interval is that of Lang and Reiczigel
(2014, doi 10.1016/j.prevetmed.2013.09.015), which Lee et al. (2025, arXiv 2511.21140) recommend for language models as
judges; the variance of the stratified mean (:mod:`ftdojo.stats.interval`) stands in the place of the binomial one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ftdojo.stats.interval import CONFIDENCE, Estimate, stratified_variance, student_t


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How a judge decided on cases of which the truth is known."""

    right: int
    """Cases that are right."""
    accepted: int
    """Those of them that the judge accepts."""
    wrong: int
    """Cases that are wrong."""
    rejected: int
    """Those of them that the judge rejects."""

    @property
    def sensitivity(self) -> float:
        """The share of right cases that the judge accepts. Raises ``ZeroDivisionError`` if there are none."""
        return self.accepted / self.right

    @property
    def specificity(self) -> float:
        """The share of wrong cases that the judge rejects. Raises ``ZeroDivisionError`` if there are none."""
        return self.rejected / self.wrong


def beats_chance(known: Agreement, *, confidence: float = CONFIDENCE) -> bool:
    """Whether a judge is shown to accept right cases more often than wrong ones.

    The interval of the difference of both rates must lie above 0 (Agresti and Caffo 2000, doi
    10.1080/00031305.2000.10474560).
    """
    (accepts, a), (rejects, b) = _shrunk(known)
    half = student_t(0.5 + confidence / 2, math.inf) * math.sqrt(a + b)
    counted = known.right > 0 and known.wrong > 0 and known.sensitivity + known.specificity > 1
    return counted and accepts + rejects - 1 - half > 0


def corrected_mean(
    verdicts: Sequence[float], strata: Sequence[str], known: Agreement, *, confidence: float = CONFIDENCE
) -> Estimate:
    """The stratified mean of a judge's ``verdicts``, corrected for its errors, with an interval that counts both.

    Args:
        verdicts: 1 where the judge accepts and 0 where it rejects, shape ``(n,)``.
        strata: the stratum of each verdict, shape ``(n,)``. The judge is taken to err alike in all of them.
        known: its verdicts where the truth is known.
        confidence: two-sided, between 0 and 1.

    Raises:
        ValueError: for a judge that is not shown to be better than chance, or as :func:`stratified_variance`.
    """
    if not beats_chance(known):
        raise ValueError("the judge is not shown to be better than chance, so nothing follows from its verdicts")
    mean, variance, _ = stratified_variance(verdicts, strata, bounds=(0.0, 1.0))
    z = student_t(0.5 + confidence / 2, math.inf)
    n = len(verdicts)
    (accepts, accepts_var), (rejects, rejects_var) = _shrunk(known)
    centre = ((n * mean + z**2 / 2) / (n + z**2) + rejects - 1) / (accepts + rejects - 1)
    # Near 0 and 1 the centre may lie beyond them, where the variance formula has no meaning.
    share = min(1.0, max(0.0, centre))
    shift = 2 * z**2 * (share * accepts_var - (1 - share) * rejects_var)
    spread = math.sqrt(variance + share**2 * accepts_var + (1 - share) ** 2 * rejects_var)
    half = z * spread / (accepts + rejects - 1)
    value = min(1.0, max(0.0, (mean + known.specificity - 1) / (known.sensitivity + known.specificity - 1)))
    low, high = centre + shift - half, centre + shift + half
    return Estimate(value, min(value, max(0.0, low)), max(value, min(1.0, high)), n)


def _shrunk(known: Agreement) -> tuple[tuple[float, float], tuple[float, float]]:
    """Sensitivity and specificity with one more case of each outcome, each with its variance."""

    def shrink(count: int, of: int) -> tuple[float, float]:
        rate = (count + 1) / (of + 2)
        return rate, rate * (1 - rate) / (of + 2)

    return shrink(known.accepted, known.right), shrink(known.rejected, known.wrong)
