"""Whether a loss is small enough: known answers."""

from __future__ import annotations

import pytest

from ftdojo.stats import Estimate, judge_loss, paired_difference


@pytest.mark.parametrize(
    ("value", "low", "margin", "verdict"),
    [
        (0.0, -2.8, 5.0, "kept"),
        (-2.0, -4.9, 5.0, "kept"),
        (-2.0, -5.0, 5.0, "lost"),
        (-20.0, -28.0, 5.0, "lost"),
        (12.0, 4.0, 5.0, "kept"),
        (0.0, -9.0, 5.0, "unclear"),
        (3.0, -6.0, 5.0, "unclear"),
        (-0.1, -9.0, 5.0, "lost"),
        (-0.1, -9.0, 10.0, "kept"),
        (3.0, 0.5, 0.0, "kept"),
        (0.0, 0.0, 0.0, "unclear"),
    ],
)
def test_known_answers(value: float, low: float, margin: float, verdict: str) -> None:
    assert judge_loss(Estimate(value, low, 2 * value - low, 100), margin) == verdict


def test_a_margin_is_no_gain() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        judge_loss(Estimate(0.0, -1.0, 1.0, 100), -1.0)


@pytest.mark.parametrize(
    ("lost", "won", "verdict"), [(0, 0, "kept"), (2, 2, "kept"), (1, 0, "kept"), (3, 0, "lost"), (9, 9, "unclear")]
)
def test_a_hundred_items_and_five_points(lost: int, won: int, verdict: str) -> None:
    """Of 100 items, half of which the reference answered rightly, the new system loses some and wins others."""
    reference = [1.0] * 50 + [0.0] * 50
    values = [0.0] * lost + [1.0] * (50 - lost) + [1.0] * won + [0.0] * (50 - won)
    gap = paired_difference(values, reference, [""] * 100).scaled(100)
    assert judge_loss(gap, 5.0) == verdict
