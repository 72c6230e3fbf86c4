"""Which trainings on preferences have gone too far, by what was logged of their pairs, and by a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftdojo.contract.feedback import RewardPoint
from ftdojo.contract.methods import parse_config
from ftdojo.contract.train_config import WeightsConfig
from ftdojo.models import Compute
from ftdojo.training import TrainResult, trainer_of
from ftdojo.training.dpo.watch import FAR, WINDOW, find_drift
from ftdojo.training.sft.trainer import train

SINGLE = Compute("cpu", "float32", "sdpa", "the test compares numbers")


def curve(*drifts: float | None) -> list[RewardPoint]:
    return [RewardPoint(step=step, margin=4.0, accuracy=1.0, drift=drift) for step, drift in enumerate(drifts, start=1)]


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


@pytest.fixture(scope="module")
def start(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model, trained to answer yes or no."""
    out = tmp_path_factory.mktemp("supervised")
    rows = [{"prompt": f"Question {i}?", "completion": ("no", "yes")[i % 2]} for i in range(16)]
    run(rows, tiny_model, out, method="full", learning_rate=0.01, epochs=4)
    return out


def run(rows: list[dict[str, str]], base: Path, out: Path, *, start: Path | None = None, **keys: Any) -> TrainResult:
    """Train the tiny model."""
    given = {"schedule": "constant", "warmup_ratio": 0, "batch_size": 8, **keys}
    config = parse_config(given, where="train.yaml")
    assert isinstance(config, WeightsConfig)
    trainer = trainer_of(config)
    examples = trainer.tokenize([trainer.parse_row(row) for row in rows], base, max_length=64).examples
    objective = trainer.objective(config)  # type: ignore[attr-defined]
    return train(examples, config, base, out, objective=objective, on=SINGLE, start=start)


def prefer(base: Path, start: Path, out: Path, **keys: Any) -> TrainResult:
    """Train on pairs that nothing in their prompts explains."""
    answers = [("no", "yes"), ("yes", "no")]
    rows = [
        {"prompt": f"Question {i}?", "chosen": chosen, "rejected": rejected}
        for i, (chosen, rejected) in enumerate(answers * 8)
    ]
    settings = {"method": "dpo", "weights": "full", "learning_rate": 3e-3, "epochs": 20, **keys}
    return run(rows, base, out, start=start, **settings)


def test_preferences_alone_run_away_and_the_training_ends_with_a_warning(
    tiny_model: Path, start: Path, tmp_path: Path
) -> None:
    result = prefer(tiny_model, start, tmp_path)
    assert result.stopped is not None
    assert (result.stopped.code, result.stopped.severity) == ("far_from_start", "warning")
    assert result.steps < 40
    assert (tmp_path / "model.safetensors").is_file(), "the weights are kept"
    assert result.rewards[-1].margin > 0.5, "by the margin it goes well"
    assert result.rewards[-1].accuracy > 0.8


def test_the_same_training_with_cross_entropy_stays(tiny_model: Path, start: Path, tmp_path: Path) -> None:
    result = prefer(tiny_model, start, tmp_path, sft_weight=1.0)
    assert result.stopped is None
    drifts = [point.drift for point in result.rewards if point.drift is not None]
    assert len(drifts) == len(result.rewards) == 40
    assert drifts[0] == pytest.approx(0, abs=1e-4)
    assert max(drifts) < FAR
