"""How many seeds: published tables of the paired t-test, scipy's noncentral t, and a simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from ftdojo.stats import power, seeds_needed


@pytest.mark.parametrize(("effect", "seeds"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10)])
def test_known_sample_sizes_for_eighty_per_cent(effect: float, seeds: int) -> None:
    assert seeds_needed(effect, 1.0) == seeds


@given(st.floats(0.05, 3), st.integers(2, 200))
def test_power_is_that_of_the_noncentral_t(effect: float, seeds: int) -> None:
    critical, shift = scipy_stats.t.ppf(0.975, seeds - 1), effect * np.sqrt(seeds)
    expected = scipy_stats.nct.sf(critical, seeds - 1, shift) + scipy_stats.nct.cdf(-critical, seeds - 1, shift)
    assert power(effect, 1.0, seeds) == pytest.approx(1.0 if np.isnan(expected) else expected, abs=1e-6)


def test_power_is_how_often_the_test_finds_it() -> None:
    rng = np.random.default_rng(0)
    found = [scipy_stats.ttest_1samp(rng.normal(2.0, 1.5, 6), 0).pvalue < 0.05 for _ in range(2000)]
    assert power(2.0, 1.5, 6) == pytest.approx(np.mean(found), abs=0.03)


def test_the_number_is_the_fewest() -> None:
    for effect in (0.3, 0.7, 1.9):
        seeds = seeds_needed(effect, 1.0)
        assert seeds is not None
        assert power(effect, 1.0, seeds) >= 0.8
        assert seeds == 2 or power(effect, 1.0, seeds - 1) < 0.8
    assert seeds_needed(0.001, 1.0) is None
    assert seeds_needed(0.0, 1.0) is None
    assert seeds_needed(1.0, 0.0) == 2
    assert seeds_needed(1e6, 1.0) == 2
