"""The monitor on a tiny real model: trainings that diverge or run out of time are stopped, the best weights kept."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ftdojo.contract.row import parse_row
from ftdojo.contract.train_config import OUT_OF_TIME, TrainConfig
from ftdojo.errors import InputError
from ftdojo.models import Compute
from ftdojo.training import tokenize
from ftdojo.training.sft.monitor import Monitor
from ftdojo.training.sft.tokens import Example
from ftdojo.training.sft.trainer import train

SINGLE = Compute("cpu", "float32", "sdpa", "the test compares numbers")


def examples(base: Path, count: int = 24) -> list[Example]:
    rows = [parse_row({"prompt": f"Question {i}", "completion": f"answer {i % 3}"}) for i in range(count)]
    return tokenize(rows, base, max_length=64).examples


def config(**changes: Any) -> TrainConfig:
    settings = {"method": "full", "learning_rate": 1e-2, "epochs": 10, "batch_size": 8, "max_length": 64}
    return TrainConfig.model_validate({**settings, **changes})


def monitor(losses: list[float], *, steps: int, rate: float = 1e-3, **options: Any) -> tuple[Monitor, Any]:
    """A monitor that received one logged loss per step."""
    made = Monitor(None, every=1, patience=None, on_log=None, **options)
    control = SimpleNamespace(should_training_stop=False)
    made.on_train_begin()
    for step, loss in enumerate(losses, start=1):
        state = SimpleNamespace(global_step=step, max_steps=steps, epoch=step / steps)
        made.on_log(None, state, control, {"loss": loss, "grad_norm": 1.0, "learning_rate": rate})
    return made, control


def test_a_loss_that_does_not_fall_in_half_of_the_steps_ends_the_training() -> None:
    flat, stopped = monitor([1.0 + 0.01 * (i % 2) for i in range(20)], steps=40)
    assert stopped.should_training_stop
    assert flat.stopped is not None
    assert (flat.stopped.code, flat.stopped.severity) == ("no_learning", "warning")
    for losses, steps in (
        ([1.0 - 0.01 * i for i in range(20)], 40),  # it falls
        ([1.0] * 12, 24),  # too few points to say
        ([1.0] * 20, 100),  # not half way yet
    ):
        going, control = monitor(losses, steps=steps)
        assert not control.should_training_stop
        assert going.stopped is None


def test_a_loss_that_stays_high_ends_the_training_and_a_hard_batch_does_not() -> None:
    easy, hard = 0.1, 5.3
    for losses in (
        [easy, hard, hard, easy, hard, hard, hard, easy, hard, hard],  # rows of two kinds, one a batch
        [easy, *[hard] * 9],
        [2.0, 9.0, 9.0, 9.0, 9.0, 2.0, 2.0],
    ):
        monitor(losses, steps=100)
    for losses in ([2.5, 2.0, 2.2, *[8.0] * 5], [easy, *[9.0] * 5]):
        with pytest.raises(InputError) as caught:
            monitor(losses, steps=100)
        assert caught.value.findings[0].code == "diverged"


def test_a_training_that_is_lost_goes_back_to_its_best_weights() -> None:
    held_out = Monitor(None, every=1, patience=None, on_log=None)
    control = SimpleNamespace(should_training_stop=False)
    network = torch.nn.Linear(1, 1)
    held_out._best = {name: p.detach().clone() for name, p in network.named_parameters()}
    held_out.eval_curve = [(3, 0.5)]
    state = SimpleNamespace(global_step=5, max_steps=10, epoch=0.5)
    held_out.on_log(None, state, control, {"loss": float("nan"), "learning_rate": 1.0})
    with torch.no_grad():
        network.weight.fill_(float("nan"))
    held_out.on_train_end(None, state, control, model=network)
    assert control.should_training_stop
    assert torch.isfinite(network.weight).all()
    assert held_out.stopped is not None
    assert "step 3" in held_out.stopped.message


def test_a_training_that_cannot_end_in_time_is_given_up_early(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        train(examples(tiny_model), config(epochs=90), tiny_model, tmp_path / "t", on=SINGLE, time_left_s=0.05)
    (finding,) = caught.value.findings
    assert finding.code == "over_budget"
    assert finding.where == "train.yaml: epochs"


@pytest.mark.parametrize("eval_fraction", [0.0, 0.2])
def test_what_the_clock_has_cut_can_be_made_again(tiny_model: Path, tmp_path: Path, eval_fraction: float) -> None:
    settings = config(eval_fraction=eval_fraction)
    cut = train(examples(tiny_model), settings, tiny_model, tmp_path / "a", on=SINGLE, stop_after=20)
    again = train(examples(tiny_model), settings, tiny_model, tmp_path / "b", on=SINGLE, stop_after=20)
    assert cut.steps == 20 < settings.steps(24)
    assert cut.stopped is not None
    assert cut.stopped.code == OUT_OF_TIME
    one, two = (load_file(next((tmp_path / name).glob("*.safetensors"))) for name in "ab")
    assert all(one[name].equal(two[name]) for name in one)
    assert cut.curve == again.curve
