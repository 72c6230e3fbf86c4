"""Item noise and seed noise apart: against an analysis of variance by hand, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from ftdojo.stats import crossed, crossed_pooled, resampled, stratified_mean

TABLES = st.integers(1, 4).flatmap(
    lambda seeds: st.lists(st.lists(st.floats(0, 1), min_size=seeds, max_size=seeds), min_size=2, max_size=12)
)


@given(TABLES)
def test_the_value_is_the_mean_and_an_interval_holds_it(table: list[list[float]]) -> None:
    values = np.array(table).T.tolist()
    found = crossed(values, [""] * len(table))
    estimate = found.estimate(bounds=(0, 1))
    assert found.value == pytest.approx(np.mean(values))
    assert np.mean(found.by_seed) == pytest.approx(found.value)
    assert estimate.low - 1e-9 <= found.value <= estimate.high + 1e-9
    assert 0 <= found.p_value <= 1


def test_one_seed_is_the_interval_over_items_alone() -> None:
    values, strata = [0.0, 1.0, 1.0, 0.0, 1.0], ["a", "a", "b", "b", "b"]
    found = crossed([values], strata)
    assert found.seed_variance is None
    assert found.seed_deviation is None
    assert found.estimate(bounds=(0, 1)) == stratified_mean(values, strata)


def test_the_variance_is_that_of_the_two_way_analysis() -> None:
    rng = np.random.default_rng(0)
    seeds, items = 5, 4000
    table = rng.normal(0, 0.3, (1, items)) + rng.normal(0, 0.2, (seeds, 1)) + rng.normal(0, 0.1, (seeds, items))
    found = crossed(table.tolist(), [""] * items, bounds=(-2, 2))
    grand, rows, columns = table.mean(), table.mean(axis=1), table.mean(axis=0)
    squares_seeds = items * np.square(rows - grand).sum() / (seeds - 1)
    squares_items = seeds * np.square(columns - grand).sum() / (items - 1)
    rest = table - rows[:, None] - columns[None, :] + grand
    squares_rest = np.square(rest).sum() / (seeds - 1) / (items - 1)
    expected = (squares_seeds + squares_items - squares_rest) / (seeds * items)
    assert found.standard_error**2 == pytest.approx(expected, rel=0.02)  # the end points weigh little
    assert found.seed_deviation == pytest.approx(rows.std(ddof=1))
    assert found.item_error == pytest.approx(math.sqrt(squares_items / seeds / items), rel=0.03)


def test_seeds_that_agree_add_no_noise() -> None:
    run = [0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0]
    three = crossed([run] * 3, [""] * 8)
    assert three.seed_variance == 0
    assert three.estimate(bounds=(0, 1)) == stratified_mean(run, [""] * 8)


@pytest.mark.parametrize(("item", "seed", "rest"), [(0.3, 0.0, 0.1), (0.1, 0.2, 0.1), (0.0, 0.0, 0.4), (0.3, 0.1, 0.3)])
def test_coverage_is_near_nominal(item: float, seed: float, rest: float) -> None:
    rng = np.random.default_rng(1)
    seeds, items, hits, trials = 4, 50, 0, 300
    for _ in range(trials):
        table = rng.normal(0, item, (1, items)) + rng.normal(0, seed, (seeds, 1)) + rng.normal(0, rest, (seeds, items))
        estimate = crossed(table.tolist(), [""] * items, bounds=(-4, 4)).estimate()
        hits += estimate.low <= 0 <= estimate.high
    assert hits / trials >= 0.9


def test_an_interval_over_items_alone_would_not_cover() -> None:
    """The control: with noise between seeds, what leaves it out claims too much."""
    rng = np.random.default_rng(2)
    alone = both = 0
    for _ in range(200):
        table = rng.normal(0, 0.1, (1, 100)) + rng.normal(0, 0.2, (3, 1)) + rng.normal(0, 0.1, (3, 100))
        over_items = stratified_mean(table.mean(axis=0).tolist(), [""] * 100, bounds=(-1, 1))
        over_both = crossed(table.tolist(), [""] * 100, bounds=(-1, 1)).estimate()
        alone += over_items.low <= 0 <= over_items.high
        both += over_both.low <= 0 <= over_both.high
    assert alone / 200 < 0.6
    assert both / 200 > 0.9


def test_p_value_is_students() -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(0.1, 0.2, 30)
    found = crossed([values.tolist()], [""] * 30, bounds=(-1, 1))
    augmented = scipy_stats.sem([*values, -1, 1])
    assert found.p_value == pytest.approx(2 * scipy_stats.t.sf(abs(values.mean()) / augmented, 31))


def test_a_pooled_metric_adds_the_noise_of_seeds() -> None:
    rng = np.random.default_rng(0)
    values = rng.random(200)
    strata = [""] * 200
    drawn = resampled(lambda chosen: float(values[list(chosen)].mean()), strata)
    alone = crossed_pooled([float(values.mean())], [drawn], 200)
    assert alone.seed_variance is None
    formula = stratified_mean(values.tolist(), strata)
    assert (alone.estimate().low, alone.estimate().high) == pytest.approx((formula.low, formula.high), abs=0.01)
    three = crossed_pooled([0.4, 0.5, 0.6], [drawn] * 3, 200)
    assert three.standard_error**2 == pytest.approx(alone.item_variance + 0.01 / 3)
    assert three.freedom == pytest.approx(2 * (1 + alone.item_variance / (0.01 / 3)) ** 2)
    same = crossed_pooled([0.0], [[0.0] * len(drawn)], 200)
    assert (same.p_value, same.estimate().low) == (1.0, 0.0)


def test_scaling_scales_everything() -> None:
    found = crossed([[0.1, 0.4, 0.9], [0.2, 0.2, 0.7]], [""] * 3)
    scaled = found.scaled(100)
    assert scaled.value == pytest.approx(100 * found.value)
    assert scaled.standard_error == pytest.approx(100 * found.standard_error)
    assert scaled.p_value == pytest.approx(found.p_value)


@pytest.mark.parametrize("values", [[], [[]], [[0.5], [0.5, 0.1]], [[2.0]]])
def test_impossible_tables_raise(values: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"shape|bounds|values"):
        crossed(values, [""])
