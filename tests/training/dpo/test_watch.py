"""Which trainings on preferences have gone too far, by what was logged of their pairs, and by a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftdojo.contract.methods import parse_config
from ftdojo.models import Compute
from ftdojo.training import TrainResult, trainer_of
from ftdojo.training.backend import RewardPoint
from ftdojo.training.dpo.watch import FAR, WINDOW, find_drift
from ftdojo.training.sft.trainer import train

SINGLE = Compute("cpu", "float32", "sdpa", "the test compares numbers")


def curve(*drifts: float | None) -> list[RewardPoint]:
    return [RewardPoint(step, margin=4.0, accuracy=1.0, drift=drift) for step, drift in enumerate(drifts, start=1)]


def test_a_training_that_makes_chosen_answers_unlikely_is_named_with_its_numbers() -> None:
    found = find_drift(curve(0.0, *[FAR + 1] * WINDOW))
    assert found is not None
    assert (found.code, found.severity) == ("far_from_start", "error")
    assert "since step 2" in found.message
    assert "now by 3.0 nats per token, although the margin to the rejected ones is 4.00" in found.message


@pytest.mark.parametrize(
    "drifts",
    [
        [FAR + 1] * (WINDOW - 1),
        [*[FAR + 1] * WINDOW, 0.5],
        [FAR / 2] * 20,
        [-5.0] * 20,
        [None] * 20,
    ],
    ids=["too few", "one is near", "some drift", "they became likelier", "no reference"],
)
def test_a_training_that_stays_near_goes_on(drifts: list[float | None]) -> None:
    assert find_drift(curve(*drifts)) is None


def run(base: Path, out: Path, **changes: Any) -> TrainResult:
    """Teach the tiny model to prefer one answer to a longer form of it."""
    keys = {"method": "dpo", "weights": "full", "schedule": "constant", "warmup_ratio": 0, "epochs": 40, "beta": 0.5}
    config = parse_config({**keys, "learning_rate": 3e-3, "batch_size": 8, **changes}, where="train.yaml")
    trainer = trainer_of(config)
    rows = [{"prompt": f"Question {i}?", "chosen": "yes", "rejected": "yes sir"} for i in range(16)]
    pairs = trainer.tokenize([trainer.parse_row(row) for row in rows], base, max_length=64).examples
    objective = trainer.objective(config)  # type: ignore[attr-defined]
    return train(pairs, config, base, out, objective=objective, on=SINGLE)


def test_preferences_alone_run_away_and_the_training_ends_with_a_warning(tiny_model: Path, tmp_path: Path) -> None:
    """The answers share their beginning, so to make one of them unlikely makes the other one unlikely, too."""
    result = run(tiny_model, tmp_path / "out")
    assert result.stopped is not None
    assert (result.stopped.code, result.stopped.severity) == ("far_from_start", "warning")
    assert result.steps < 80
    assert (tmp_path / "out/model.safetensors").is_file(), "the weights are kept"
    assert result.rewards[-1].margin > 1, "by the margin alone it goes well"


def test_the_same_training_with_cross_entropy_stays(tiny_model: Path, tmp_path: Path) -> None:
    result = run(tiny_model, tmp_path / "out", sft_weight=1.0)
    assert result.stopped is None
    assert result.rewards[0].drift == pytest.approx(0, abs=1e-5)
    assert result.rewards[-1].drift is not None
    assert result.rewards[-1].drift < 0
