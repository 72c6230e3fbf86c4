"""A rate that an imperfect judge has counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.stats import Agreement, beats_chance, corrected_mean, stratified_mean


def agreement(accepted: int, right: int, rejected: int, wrong: int) -> Agreement:
    return Agreement(right=right, accepted=accepted, wrong=wrong, rejected=rejected)


def test_the_estimate_is_that_of_rogan_and_gladen() -> None:
    found = corrected_mean([1.0] * 60 + [0.0] * 40, [""] * 100, agreement(45, 50, 40, 50))
    assert found.value == pytest.approx((0.6 + 0.8 - 1) / (0.9 + 0.8 - 1))
    assert found.low < found.value < found.high
    assert found.n == 100


def test_strata_weigh_alike() -> None:
    verdicts, strata = [1.0] * 10 + [0.0] * 90, ["a"] * 10 + ["b"] * 90
    found = corrected_mean(verdicts, strata, agreement(100, 100, 100, 100))
    assert found.value == pytest.approx(0.5)


def test_an_estimate_beyond_the_range_is_cut_to_it() -> None:
    assert corrected_mean([0.0] * 50, [""] * 50, agreement(9, 10, 7, 10)).value == 0.0
    assert corrected_mean([1.0] * 50, [""] * 50, agreement(7, 10, 9, 10)).value == 1.0


def test_the_interval_counts_the_judges_error_and_how_well_it_is_known() -> None:
    verdicts, strata = [1.0, 0.0] * 100, [""] * 200
    raw = stratified_mean(verdicts, strata)
    widths = [
        found.high - found.low
        for found in (
            corrected_mean(verdicts, strata, agreement(9000, 10000, 9000, 10000)),
            corrected_mean(verdicts, strata, agreement(90, 100, 90, 100)),
            corrected_mean(verdicts, strata, agreement(18, 20, 18, 20)),
        )
    ]
    assert [raw.high - raw.low, *widths] == sorted([raw.high - raw.low, *widths])
    assert widths[0] == pytest.approx((raw.high - raw.low) / 0.8, rel=0.02)


@pytest.mark.parametrize("truth", [0.05, 0.4, 0.95])
@pytest.mark.parametrize(("sensitivity", "specificity", "known"), [(0.9, 0.85, 60), (0.75, 0.8, 40), (0.97, 0.99, 30)])
def test_95_of_100_intervals_hold_the_truth(truth: float, sensitivity: float, specificity: float, known: int) -> None:
    rng = np.random.default_rng(0)
    held, draws, n = 0, 200, 150
    for _ in range(draws):
        right = rng.random(n) < truth
        verdicts = np.where(right, rng.random(n) < sensitivity, rng.random(n) >= specificity).astype(float)
        accepted, rejected = (int(rng.binomial(known, share)) for share in (sensitivity, specificity))
        found = corrected_mean(verdicts.tolist(), [""] * n, agreement(accepted, known, rejected, known))
        held += found.low <= truth <= found.high
    assert held / draws >= 0.92  # three standard errors of 200 draws below 0.95 are 0.90


@pytest.mark.parametrize(
    ("known", "better"),
    [
        (agreement(3, 3, 3, 3), True),
        (agreement(2, 2, 2, 2), False),
        (agreement(60, 100, 40, 100), False),
        (agreement(100, 100, 0, 100), False),
        (agreement(0, 100, 100, 100), False),
        (agreement(10, 100, 10, 100), False),
        (agreement(70, 100, 60, 100), True),
        (agreement(50, 50, 0, 0), False),
        (agreement(0, 0, 50, 50), False),
    ],
)
def test_a_judge_must_be_shown_to_be_better_than_chance(known: Agreement, better: bool) -> None:
    assert beats_chance(known) is better
    if not better:
        with pytest.raises(ValueError, match="better than chance"):
            corrected_mean([1.0, 0.0], ["", ""], known)


@given(st.integers(1, 60), st.integers(0, 60), st.integers(10, 40), st.integers(10, 40), st.data())
def test_the_estimate_lies_in_its_interval_and_both_in_the_range(
    n: int, yes: int, right: int, wrong: int, data: st.DataObject
) -> None:
    known = agreement(data.draw(st.integers(0, right)), right, data.draw(st.integers(0, wrong)), wrong)
    if beats_chance(known):
        found = corrected_mean([1.0] * min(n, yes) + [0.0] * (n - min(n, yes)), [""] * n, known)
        assert 0 <= found.low <= found.value <= found.high <= 1
