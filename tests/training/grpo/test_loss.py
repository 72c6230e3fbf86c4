"""The loss against its formulas, in numbers; ``benchmarks/grpo.py`` compares it with TRL's."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from ftdojo.training.grpo.loss import Answered, advantages, count_units, token_objectives, total
from training.grpo.tasks import config

LEARNED = torch.tensor([[True, True, True], [False, False, True]])


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        ("none", [[0.5, -0.5], [0, 0]]),
        ("group", [[0.5 / math.sqrt(0.5), -0.5 / math.sqrt(0.5)], [0, 0]]),
        ("batch", [[0.5 / 0.5, -0.5 / 0.5], [0, 0]]),
    ],
)
def test_an_advantage_is_the_distance_to_the_mean_of_its_group(scale: str, expected: list[list[float]]) -> None:
    """The group's deviation is that of a sample: sqrt(0.5); that of all rewards, 1, 0, 0, 0, is 0.5."""
    found = advantages(torch.tensor([[1.0, 0.0], [0.0, 0.0]]), scale)
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-3, rtol=1e-3)


def answered(ratio: float, *, reference: float | None = None) -> Answered:
    """Two answers, of 3 tokens and of 1, that became ``ratio`` times as likely per token; the first is better."""
    old = torch.full((2, 3), -2.0)
    start = None if reference is None else torch.full((2, 3), reference)
    return Answered(old + math.log(ratio), old, start, LEARNED, torch.tensor([1.0, -1.0]))


@pytest.mark.parametrize(
    ("ratio", "better", "worse"),
    [(1.0, -1.0, 1.0), (1.1, -1.1, 1.1), (1.5, -1.3, 1.5), (0.5, -0.5, 0.8)],
    ids=["the same", "within", "above", "below"],
)
def test_the_ratio_is_clipped_where_a_token_has_moved_enough(ratio: float, better: float, worse: float) -> None:
    losses, divergence = token_objectives(answered(ratio), config(clip_high=0.3))
    assert losses[:, 0].tolist() == pytest.approx([better, worse])
    assert not divergence.any()


def test_the_divergence_is_weighted_by_the_ratio() -> None:
    losses, divergence = token_objectives(answered(1.1, reference=-1.0), config(kl=0.5))
    apart = -1.0 - (-2.0 + math.log(1.1))
    expected = 1.1 * (math.exp(apart) - apart - 1)
    assert float(divergence[0, 0]) == pytest.approx(expected)
    assert losses[:, 0].tolist() == pytest.approx([-1.1 + 0.5 * expected, 1.1 + 0.5 * expected])


@pytest.mark.parametrize(
    ("loss", "expected"), [("dapo", (3 - 1) / 4), ("grpo", (1 - 1) / 2), ("dr_grpo", (3 - 1) / (2 * 10))]
)
def test_how_tokens_are_averaged(loss: str, expected: float) -> None:
    """The loss of each token of the first answer is 1, and of the second one -1; the longest answer has 10 tokens."""
    losses = torch.tensor([[1.0, 1.0, 1.0], [5.0, 5.0, -1.0]])
    found = total(losses, LEARNED, loss) / count_units(LEARNED, loss, 10)
    assert float(found) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eval_fraction": 0.1}, "holds out no rows"),
        ({"devices": 2}, "on one device"),
        ({"iterations": 2, "gradient_accumulation": 2}, "raise batch_size"),
        ({"group_size": 1}, "group_size"),
        ({"temperature": 0}, "temperature"),
        ({"lora": {"rank": 4}}, "weights"),
    ],
)
def test_a_configuration_without_a_meaning_is_a_finding(changes: dict[str, Any], message: str) -> None:
    from ftdojo.errors import InputError

    with pytest.raises(InputError) as caught:
        config(**changes)
    assert any(message in f"{finding.message} {finding.where}" for finding in caught.value.findings)


@pytest.mark.parametrize(
    ("changes", "rows", "steps"),
    [({}, 10, 3), ({"iterations": 3}, 10, 6), ({"iterations": 3}, 2, 3), ({"gradient_accumulation": 2}, 10, 2)],
)
def test_steps_of_an_epoch(changes: dict[str, Any], rows: int, steps: int) -> None:
    assert config(**changes, epochs=1).steps(rows) == steps
