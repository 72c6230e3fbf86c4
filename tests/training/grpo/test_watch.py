"""Which trainings have collapsed, by what was logged of their answers."""

from __future__ import annotations

from typing import Any

import pytest

from ftdojo.contract.feedback import RolloutPoint
from ftdojo.training.grpo.watch import WINDOW, find_collapse

GOOD = RolloutPoint(
    step=1,
    reward=0.4,
    score=0.4,
    right=0.4,
    varied=0.6,
    output_tokens=6.0,
    cut=0.0,
    top_output=0.2,
    entropy=1.5,
    kl=0.0,
)


def curve(**last: Any) -> list[RolloutPoint]:
    """A training that was good first, and has these numbers now."""
    points = [GOOD] * WINDOW + [GOOD.model_copy(update=last)] * WINDOW
    return [point.model_copy(update={"step": number}) for number, point in enumerate(points, start=1)]


@pytest.mark.parametrize(
    ("last", "code"),
    [
        ({"varied": 0.0, "right": 1.0}, "constant_reward"),
        ({"varied": 0.0, "right": 0.0}, "constant_reward"),
        ({"top_output": 0.97, "right": 0.25}, "one_answer"),
        ({"output_tokens": 1.0}, "empty_answers"),
        ({"cut": 0.95, "output_tokens": 60.0}, "endless_answers"),
        ({"entropy": 0.01, "right": 0.1}, "entropy_collapse"),
        ({"reward": 0.6, "right": 0.1}, "reward_without_right"),
        ({"kl": 3.0}, "far_from_start"),
    ],
)
def test_a_collapse_is_named_with_its_numbers(last: dict[str, Any], code: str) -> None:
    found = find_collapse(curve(**last), top_gold=0.3)
    assert found is not None
    assert found.code == code
    assert f"since step {WINDOW + 1}" in found.message
    assert "% right" in found.message


@pytest.mark.parametrize(
    "last",
    [
        {},
        {"right": 0.9, "reward": 0.9, "varied": 0.1, "entropy": 0.05},  # it has learned, and is certain
        {"output_tokens": 2.0},
        {"cut": 0.5},
        {"kl": 0.5},
    ],
)
def test_a_training_that_learns_goes_on(last: dict[str, Any]) -> None:
    assert find_collapse(curve(**last), top_gold=0.3) is None


def test_one_step_ends_nothing() -> None:
    points = curve()
    assert find_collapse([*points[:-1], points[-1].model_copy(update={"varied": 0.0})], top_gold=0.3) is None
    assert find_collapse(curve(varied=0.0)[-WINDOW:], top_gold=0.3) is None, "too few points to compare"


def test_one_answer_is_no_collapse_where_most_answers_are_the_same() -> None:
    assert find_collapse(curve(top_output=0.97), top_gold=0.9) is None
