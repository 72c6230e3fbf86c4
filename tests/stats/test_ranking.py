"""Ranks and the common scale: known answers, scipy, and properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from ftdojo.stats import mean_ranks, normalized, ranks

VALUES = st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.5, -3.0, 7.0]), min_size=1, max_size=8)


@given(VALUES)
def test_ranks_are_scipys(values: list[float]) -> None:
    assert ranks(values, higher_is_better=False) == scipy_stats.rankdata(values).tolist()
    assert ranks(values, higher_is_better=True) == scipy_stats.rankdata([-v for v in values]).tolist()


def test_mixed_directions_and_ties() -> None:
    scores = {"a": [80.0, 0.2], "b": [80.0, 0.1], "c": [10.0, 0.9]}
    assert mean_ranks(scores, higher_is_better=[True, False]) == {"a": 1.75, "b": 1.25, "c": 3.0}
    with pytest.raises(ValueError, match="one score for each task"):
        mean_ranks({"a": [1.0]}, higher_is_better=[True, False])


@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(-50, 50))
def test_the_common_scale_has_base_at_zero_and_best_at_one(value: float, base: float, best: float) -> None:
    if abs(base - best) < 1e-3:
        return
    assert normalized(base, base=base, best=best) == 0
    assert normalized(best, base=base, best=best) == 1
    better = (value - base) * (best - base)
    assert (normalized(value, base=base, best=best) > 0) == (better > 0)


def test_no_way_to_go() -> None:
    assert normalized(0.2, base=0.5, best=0.0) == pytest.approx(0.6)
    with pytest.raises(ValueError, match="nothing to gain"):
        normalized(3, base=1, best=1)
