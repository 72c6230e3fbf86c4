"""A recipe's difference counts the seeds; known answers, and a simulation of a recipe against itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ftdojo.stats import Estimate, SeedVariance, paired_difference, pool_seed_variance, recipe_difference
from ftdojo.stats.recipe import PRIOR_DEVIATION, PRIOR_FREEDOM


def test_without_repeats_the_variance_is_the_prior() -> None:
    found = pool_seed_variance([[50.0], [], [70.0]], range_=100)
    assert found == SeedVariance((100 * PRIOR_DEVIATION) ** 2, PRIOR_FREEDOM)


def test_repeats_are_pooled_by_their_degrees_of_freedom() -> None:
    found = pool_seed_variance([[0.1, 0.3], [0.5, 0.6, 0.7]], range_=1.0)
    squares = PRIOR_FREEDOM * PRIOR_DEVIATION**2 + 0.02 + 2 * 0.01
    assert found.value == pytest.approx(squares / (PRIOR_FREEDOM + 3))
    assert found.freedom == PRIOR_FREEDOM + 3


def test_many_repeats_outweigh_the_prior() -> None:
    rng = np.random.default_rng(0)
    found = pool_seed_variance([rng.normal(0, 0.01, 2000).tolist()], range_=1.0)
    assert math.sqrt(found.value) == pytest.approx(0.01, rel=0.1)


def test_the_interval_is_wider_than_over_items_and_narrows_with_runs() -> None:
    gap, seeds = Estimate(0.08, 0.02, 0.14, 200), pool_seed_variance([], range_=1.0)
    one = recipe_difference(gap, seeds)
    three = recipe_difference(gap, seeds, runs=3, reference_runs=3)
    base = recipe_difference(gap, seeds, reference_runs=0)
    assert one.value == three.value == base.value == gap.value
    widths = [e.high - e.low for e in (gap, three, base, one)]
    assert widths == sorted(widths)
    assert one.low < 0 < gap.low, "this model is better; whether the recipe is, is not shown"


def test_without_variance_between_seeds_it_is_the_interval_over_items() -> None:
    gap = Estimate(0.08, 0.02, 0.14, 200)
    found = recipe_difference(gap, SeedVariance(0.0, 4.0))
    assert (found.low, found.high) == pytest.approx((gap.low, gap.high))


def test_a_recipe_is_seldom_called_better_than_itself_and_a_model_often() -> None:
    rng, trials, n, deviation = np.random.default_rng(3), 400, 300, 0.06
    strata, model, recipe = [""] * n, 0, 0
    for _ in range(trials):
        runs = [(rng.random(n) < 0.5 + rng.normal(0, deviation)).astype(float) for _ in range(2)]
        gap = paired_difference(runs[1].tolist(), runs[0].tolist(), strata)
        model += gap.low > 0
        recipe += recipe_difference(gap, pool_seed_variance([], range_=1.0)).low > 0
    assert model / trials > 0.1
    assert recipe / trials <= 0.05
