"""The numbers of the practice: what they come to for known models and sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.agents import practice


@pytest.mark.parametrize(
    ("hidden_size", "adapters", "least", "most"),
    [
        (576, True, 5e-4, 1e-3),
        (576, False, 5e-5, 1e-4),
        (896, True, 5e-4, 1e-3),
        (3584, True, 2e-4, 5e-4),
        (3584, False, 2e-5, 5e-5),
    ],
)
def test_rates_fall_with_width_and_adapters_take_ten_times_that_of_full_weights(
    hidden_size: int, adapters: bool, least: float, most: float
) -> None:
    assert least <= practice.learning_rate(hidden_size, adapters=adapters) <= most


def test_adapters_take_higher_rates_in_short_trainings() -> None:
    rates = [practice.learning_rate(576, adapters=True, steps=steps) for steps in (60, 100, 101, None)]
    assert rates == [0.0014, 0.0014, 0.00093, 0.00093]
    assert practice.learning_rate(576, adapters=False, steps=60) == practice.learning_rate(576, adapters=False)


def test_a_rate_keeps_its_meaning_when_the_method_changes() -> None:
    adapters, full = practice.learning_rate(576, adapters=True), practice.learning_rate(576, adapters=False)
    down = practice.rate_ratio(adapters_before=True, adapters_after=False)
    up = practice.rate_ratio(adapters_before=False, adapters_after=True)
    assert adapters * down == pytest.approx(full, rel=0.05)
    assert full * up == pytest.approx(adapters, rel=0.05)
    assert practice.rate_ratio(adapters_before=True, adapters_after=True) == 1


def test_steps_are_those_of_the_usual_batches() -> None:
    assert [practice.steps(passes) for passes in (8, 9, 800, 3200, 6400)] == [1, 2, 100, 200, 400]


@pytest.mark.parametrize(("rows", "passes"), [(20, 8.0), (80, 6.0), (160, 3.0), (240, 3.0), (2000, 3.0)])
def test_few_rows_are_passed_more_often(rows: int, passes: float) -> None:
    assert practice.passes(rows) == passes


@pytest.mark.parametrize(("rows", "share"), [(240, 0.0), (639, 0.0), (640, 0.05), (1280, 0.05), (2000, 0.032)])
def test_rows_are_held_out_where_enough_can_be(rows: int, share: float) -> None:
    assert practice.held_out_share(rows) == share


@given(st.integers(1, 10_000), st.floats(1, 8), st.floats(0, 1e6))
def test_a_size_is_within_what_is_there_wanted_and_affordable(rows: int, wanted: float, affordable: float) -> None:
    made = practice.size_training(rows, wanted, affordable)
    assert 1 <= made.rows <= rows
    assert 1 <= made.epochs <= wanted + 0.01
    assert made.rows * made.epochs <= max(1.01 * affordable, made.epochs)
    assert made.epochs == 1 or made.rows >= 0.98 * rows, "all rows come before any row twice"


@pytest.mark.parametrize("steps", range(4, 199))
def test_the_rate_rises_over_a_few_steps_also_where_a_training_is_short(steps: int) -> None:
    ratio = practice.warmup_ratio(steps * practice.SMALL_BATCH)
    assert int(ratio * steps) == min(practice.WARMUP_STEPS, int(practice.MOST_WARMUP * steps))


def test_the_rate_of_a_long_training_rises_over_a_share_of_it() -> None:
    assert practice.warmup_ratio(practice.LARGE_BATCH * 1000) == practice.WARMUP_SHARE
