"""Several claims at once: correction for their number, and how often one contestant or system beats another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number, in the given order (Holm 1979, Scand. J. Statist. 6, 65-70).

    The i-th smallest of m is multiplied by ``m - i + 1``; none becomes smaller than one before it, or larger than 1.
    Whoever believes what lies below 5 % then makes any false claim with a probability below 5 %, however the tests
    depend on each other.

    Raises:
        ValueError: for a value outside 0 to 1.
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError("p-values lie between 0 and 1")
    adjusted, highest = [0.0] * len(p_values), 0.0
    for place, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[i]))
        adjusted[i] = highest
    return adjusted


@dataclass(frozen=True, slots=True)
class Tally:
    """On how many tasks one contestant, or on how many items one system, beat another, tied with it, and lost to it."""

    wins: int
    ties: int
    losses: int

    @classmethod
    def of(cls, verdicts: Iterable[float]) -> Tally:
        """Count verdicts: positive a win, zero a tie, negative a loss."""
        signs = [(verdict > 0) - (verdict < 0) for verdict in verdicts]
        return cls(signs.count(1), signs.count(0), signs.count(-1))

    @property
    def p_value(self) -> float:
        """Two-sided, of the sign test: that wins and losses are equally likely. Ties say nothing and are left out
        (Dixon and Mood 1946, doi 10.1080/01621459.1946.10501898). Over items that are right or wrong, it is McNemar's
        exact test (McNemar 1947, doi 10.1007/BF02295996)."""
        from scipy.special import bdtr

        decided = self.wins + self.losses
        return min(1.0, 2 * float(bdtr(min(self.wins, self.losses), decided, 0.5))) if decided else 1.0
