"""What the curves of a training say."""

from __future__ import annotations

import pytest

from ftdojo.episode.levels import diagnose_fit

FALLING = [3.0 - 0.1 * i for i in range(20)]
FLAT = [3.0, 2.0, 1.0, *[0.5] * 37]


@pytest.mark.parametrize(
    ("losses", "held_out", "fit"),
    [
        (FALLING, [], "under_fit"),
        (FLAT, [], "good"),
        (FLAT, [0.6, 0.6], "good"),
        (FLAT, [0.9, 0.6], "under_fit"),
        (FLAT, [0.6, 0.5, 0.7], "over_fit"),
        ([1.0] * 30 + [2.0] * 10, [], "unstable"),
        ([1.0] * 30 + [2.0] * 10, [0.6, 0.7], "unstable"),
        ([1.0] * 30 + [2.0] * 10, [0.6, 0.6], "good"),
        ([2.0], [], "good"),
        ([0.1, 1.7] * 10, [0.6, 0.6], "good"),
        ([0.01 / 2**i for i in range(20)], [], "good"),
        (FLAT, [0.004, 0.001], "good"),
        (FLAT, [0.001, 0.004], "good"),
    ],
)
def test_fit(losses: list[float], held_out: list[float], fit: str) -> None:
    """The last cases: batches of an easy and of a hard sub-task in turn are no instability; nothing is left to learn."""
    assert diagnose_fit(losses, held_out, held_out_rows=200) == fit


@pytest.mark.parametrize(
    ("rows", "last", "fit"),
    [(15, 0.7, "good"), (31, 9.0, "good"), (32, 0.65, "good"), (32, 0.7, "over_fit"), (2000, 0.525, "over_fit")],
)
def test_a_held_out_loss_has_risen_only_if_so_many_rows_can_show_it(rows: int, last: float, fit: str) -> None:
    """A rise of 40 % on 15 rows is chance; on 2,000 rows one of 5 % is not."""
    assert diagnose_fit(FLAT, [0.9, 0.5, last], held_out_rows=rows) == fit
