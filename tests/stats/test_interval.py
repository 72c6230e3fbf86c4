"""Intervals: known values, properties, and coverage measured by simulation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from ftdojo.stats import Estimate, bootstrap, mean_over, paired_difference, stratified_mean

SCORES = st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["a", "b", "c"])), min_size=1, max_size=60)


def test_the_value_is_the_unweighted_mean_over_strata() -> None:
    estimate = stratified_mean([1, 1, 1, 0], ["a", "a", "a", "b"])
    assert estimate.value == 0.5
    assert estimate.n == 4


def test_one_stratum_is_students_t_on_the_augmented_sample() -> None:
    values = [0.1, 0.4, 0.35, 0.8, 0.62, 0.5]
    augmented = [*values, 0.0, 1.0]
    expected = scipy_stats.t.interval(0.95, len(augmented) - 1, np.mean(augmented), scipy_stats.sem(augmented))
    estimate = stratified_mean(values, ["a"] * 6)
    assert estimate.value == pytest.approx(np.mean(values))
    assert (estimate.low, estimate.high) == pytest.approx(expected)


@pytest.mark.parametrize("n", [10, 20, 40, 120, 300])
def test_the_interval_of_a_share_covers_it_at_every_rate(n: int) -> None:
    """Exactly, by the binomial distribution: the interval of a score never covers less than 93.5 %, and the upper end
    of no right answer at all is that of Clopper and Pearson, but for a fifth."""
    found = [stratified_mean([1.0] * k + [0.0] * (n - k), ["a"] * n) for k in range(n + 1)]
    low, high = np.array([e.low for e in found]), np.array([e.high for e in found])
    for rate in np.arange(0.01, 1, 0.01):
        chances = scipy_stats.binom.pmf(np.arange(n + 1), n, rate)
        assert chances[(low <= rate) & (rate <= high)].sum() > 0.935
    assert found[0].high == pytest.approx(1 - 0.025 ** (1 / n), rel=0.2)


def test_all_wrong_is_not_certain() -> None:
    estimate = stratified_mean([0.0] * 40, ["a"] * 40)
    assert (estimate.value, estimate.low) == (0.0, 0.0)
    assert 0.02 < estimate.high < 0.1


@given(SCORES)
def test_the_interval_holds_the_value_and_stays_within_bounds(scores: list[tuple[float, str]]) -> None:
    estimate = stratified_mean([v for v, _ in scores], [s for _, s in scores])
    assert -1e-9 <= estimate.low <= estimate.value + 1e-9
    assert estimate.value - 1e-9 <= estimate.high <= 1 + 1e-9


@given(SCORES)
def test_a_system_does_not_differ_from_itself(scores: list[tuple[float, str]]) -> None:
    values = [v for v, _ in scores]
    estimate = paired_difference(values, values, [s for _, s in scores])
    assert estimate.value == 0
    assert estimate.low < 0 < estimate.high


@given(SCORES, st.integers(0, 2**31))
def test_difference_changes_sign_with_the_order(scores: list[tuple[float, str]], seed: int) -> None:
    values, strata = [v for v, _ in scores], [s for _, s in scores]
    other = np.random.default_rng(seed).random(len(values)).tolist()
    there, back = paired_difference(values, other, strata), paired_difference(other, values, strata)
    assert there.value == pytest.approx(-back.value)
    assert there.low == pytest.approx(-back.high)


@pytest.mark.parametrize("rate", [0.02, 0.3, 0.7])
def test_coverage_is_near_nominal_and_not_below(rate: float) -> None:
    rng = np.random.default_rng(7)
    strata = ["a"] * 40 + ["b"] * 40
    hits = 0
    for _ in range(400):
        estimate = stratified_mean((rng.random(80) < rate).astype(float).tolist(), strata)
        hits += estimate.low <= rate <= estimate.high
    assert hits / 400 >= 0.92


def test_pairing_sees_a_gain_that_separate_intervals_hide() -> None:
    rng = np.random.default_rng(3)
    before = (rng.random(100) < 0.5).astype(float)
    after = before.copy()
    after[np.flatnonzero(before == 0)[:12]] = 1.0
    strata = ["a"] * 100
    one, two = stratified_mean(before.tolist(), strata), stratified_mean(after.tolist(), strata)
    assert one.high > two.low
    assert paired_difference(after.tolist(), before.tolist(), strata).low > 0


@pytest.mark.parametrize(("values", "strata"), [([], []), ([0.5], []), ([1.5], ["a"]), ([float("nan")], ["a"])])
def test_impossible_input_raises(values: list[float], strata: list[str]) -> None:
    with pytest.raises(ValueError, match=r"values|strata"):
        stratified_mean(values, strata)


def test_the_bootstrap_of_a_mean_is_near_its_t_interval() -> None:
    rng = np.random.default_rng(5)
    values = (rng.random(200) < 0.4).astype(float)
    strata = ["a"] * 100 + ["b"] * 100
    drawn = bootstrap(lambda chosen: float(values[list(chosen)].mean()), strata)
    formula = stratified_mean(values.tolist(), strata)
    assert drawn.value == pytest.approx(formula.value)
    assert (drawn.low, drawn.high) == pytest.approx((formula.low, formula.high), abs=0.02)


def test_the_bootstrap_draws_within_strata_and_is_the_same_every_time() -> None:
    strata = ["a", "b", "b"]
    seen: list[list[int]] = []

    def count(chosen: Sequence[int]) -> float:
        seen.append(list(chosen))
        return float(sum(chosen))

    assert bootstrap(count, strata) == bootstrap(count, strata)
    assert all(len(chosen) == 3 and chosen[0] == 0 and set(chosen[1:]) <= {1, 2} for chosen in seen)
    with pytest.raises(ValueError, match="at least one"):
        bootstrap(count, [])


def test_scaling_keeps_the_order_of_the_ends() -> None:
    assert Estimate(0.5, 0.4, 0.6, 9).scaled(-100) == Estimate(-50, -60, -40, 9)


def test_a_plain_mean_has_students_interval() -> None:
    values = [0.2, -0.4, 0.9, 0.1]
    estimate = mean_over(values)
    expected = scipy_stats.t.interval(0.95, 3, np.mean(values), scipy_stats.sem(values))
    assert (estimate.low, estimate.high) == pytest.approx(expected)
    with pytest.raises(ValueError, match="two values"):
        mean_over([0.3])
