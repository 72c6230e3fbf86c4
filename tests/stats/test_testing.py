"""Many claims at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from ftdojo.stats import Tally, holm

P_VALUES = st.lists(st.floats(0, 1), max_size=12)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([1.2])


@given(P_VALUES)
def test_holm_lies_between_no_correction_and_bonferroni_and_keeps_the_order(given_values: list[float]) -> None:
    adjusted = holm(given_values)
    for p, q in zip(given_values, adjusted, strict=True):
        assert p <= q <= min(1.0, len(given_values) * p)
    order = sorted(range(len(adjusted)), key=lambda i: given_values[i])
    assert [adjusted[i] for i in order] == sorted(adjusted)


def test_holm_keeps_the_probability_of_any_false_claim() -> None:
    rng = np.random.default_rng(0)
    runs = rng.random((2000, 13))
    assert np.mean([min(holm(run.tolist())) < 0.05 for run in runs]) <= 0.06
    assert np.mean(runs.min(axis=1) < 0.05) > 0.4, "the control: without correction nearly half of the runs claim"


@given(st.lists(st.integers(-3, 3), max_size=15))
def test_the_sign_test_is_scipys_binomial_test(verdicts: list[int]) -> None:
    tally = Tally.of(verdicts)
    assert tally.wins + tally.ties + tally.losses == len(verdicts)
    decided = tally.wins + tally.losses
    expected = scipy_stats.binomtest(tally.wins, decided).pvalue if decided else 1.0
    assert tally.p_value == pytest.approx(expected)
