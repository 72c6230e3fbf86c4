"""The micro-training and the line through its steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.contract.train_config import TrainConfig
from ftdojo.models import Compute
from ftdojo.models.resident import Resident
from ftdojo.training.sft.forecast import Speed, _line, forecast
from ftdojo.training.sft.tokens import IGNORED, Example

SINGLE = Compute("cpu", "float32", "sdpa", "the test compares numbers")


@given(st.floats(0, 5), st.floats(1e-3, 3), st.lists(st.floats(1, 100), min_size=2, max_size=9))
def test_the_line_of_noiseless_steps_is_found(fixed: float, rate: float, work: list[float]) -> None:
    intercept, slope = _line([(w, fixed + rate * w) for w in work])
    for w in (min(work), max(work)):
        assert intercept + slope * w == pytest.approx(fixed + rate * w, rel=1e-6)


@given(st.lists(st.tuples(st.floats(1, 100), st.floats(0.01, 10)), min_size=1, max_size=9))
def test_no_noise_makes_a_part_of_the_line_negative(points: list[tuple[float, float]]) -> None:
    intercept, slope = _line(points)
    assert intercept >= 0
    assert slope >= 0
    assert intercept + slope * max(w for w, _ in points) > 0


def test_a_forecast_grows_with_the_training(tiny_model: Path) -> None:
    """Asserts only that all epochs and held-out rows count, not the time, which depends on other processes."""
    rows = [list(range(100, 130 + 8 * (i % 5))) for i in range(40)]
    examples = [Example(row, [IGNORED] * (len(row) - 3) + row[-3:]) for row in rows]
    short, long, cut = (
        forecast(examples, TrainConfig(batch_size=4, **settings), tiny_model, on=SINGLE)
        for settings in ({"epochs": 1}, {"epochs": 50, "eval_fraction": 0.1}, {"epochs": 50, "max_steps": 1})
    )
    assert long > 5 * short
    assert cut < short


def test_a_speed_is_measured_once_and_again_for_larger_batches(tiny_model: Path) -> None:
    resident = Resident()

    def measure(lengths: range, **settings: Any) -> Any:
        rows = [list(range(100, 100 + length)) for length in lengths for _ in range(4)]
        examples = [Example(row, [IGNORED] * (len(row) - 3) + row[-3:]) for row in rows]
        config = TrainConfig(batch_size=4, epochs=1, **settings)
        forecast(examples, config, tiny_model, on=SINGLE, resident=resident)
        return list(resident.measured.values())[-1]

    first = measure(range(30, 50, 5))
    assert measure(range(32, 45, 6), learning_rate=1e-3, seed=1) is first
    larger = measure(range(60, 80, 5))
    assert larger is not first
    assert larger.most > first.most
    assert measure(range(30, 50, 5)) is larger
    assert measure(range(30, 50, 5), method="full") is not larger


@pytest.mark.parametrize(
    ("speed", "covered"),
    [(Speed(1, 1, least=2, most=4), [(2, 4), (1, 3), (4, 4)]), (Speed(0, 1, least=4, most=4), [(4, 4)])],
)
def test_one_point_says_nothing_of_cheaper_batches(speed: Speed, covered: list[tuple[float, float]]) -> None:
    assert [batches for batches in [(2, 4), (1, 3), (4, 4), (3, 5)] if speed.covers(*batches)] == covered
