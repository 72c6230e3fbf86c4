"""One training whose network is split over two processes on CPUs: the same files as from one process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from ftdojo import digest
from ftdojo.contract.train_config import OUT_OF_TIME, TrainConfig
from ftdojo.errors import InfrastructureError
from ftdojo.models import Compute, describe
from ftdojo.training import trainer_of
from ftdojo.training.backend import model_key
from ftdojo.training.sft import estimate, forecast, parallel
from ftdojo.training.sft.monitor import Monitor
from ftdojo.training.sft.shapes import Shape
from processes import children
from training.sft.test_trainer import COARSE, SINGLE, config, examples, weights

LORA: dict[str, Any] = {"method": "lora", "lora": {"rank": 3, "alpha": 6}}
"""A rank that two processes cannot split evenly."""


def split(**changes: Any) -> TrainConfig:
    return config(**{"devices": 2, "sharding": "full", "batch_size": 4, **changes})


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param({"method": "full", "weight_decay": 0.1}, id="full"),
        pytest.param(LORA, id="lora", marks=pytest.mark.slow),
    ],
)
def test_two_halves_take_the_steps_of_a_whole(tiny_model: Path, tmp_path: Path, kind: dict[str, Any]) -> None:
    """With clipped gradients, two batches a step in each process, and the best of the evaluated weights."""
    rows = examples(tiny_model)
    kind = {**kind, "eval_fraction": 0.15, "patience": 9, "max_grad_norm": 0.5, "learning_rate": 3e-3}
    alone = config(**kind, batch_size=2, gradient_accumulation=4)
    one = parallel.train_on_devices(rows, alone, tiny_model, tmp_path / "one", on=SINGLE)
    halves = split(**kind, batch_size=2, gradient_accumulation=2)
    two = parallel.train_on_devices(rows, halves, tiny_model, tmp_path / "two", on=SINGLE)
    assert (two.steps, two.epochs) == (one.steps, one.epochs)
    assert two.tokens == pytest.approx(one.tokens, rel=0.1)
    assert [p.loss for p in two.curve] == pytest.approx([p.loss for p in one.curve], rel=1e-4)
    assert [p.grad_norm for p in two.curve] == pytest.approx([p.grad_norm for p in one.curve], rel=1e-3)
    assert [loss for _, loss in two.eval_curve] == pytest.approx([loss for _, loss in one.eval_curve], rel=1e-4)
    mine, theirs = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert {name: (t.shape, t.dtype) for name, t in mine.items()} == {n: (t.shape, t.dtype) for n, t in theirs.items()}
    for name, tensor in mine.items():
        torch.testing.assert_close(theirs[name], tensor, rtol=1e-4, atol=1e-5, msg=name)
    assert texts(tmp_path / "one") == texts(tmp_path / "two")


@pytest.mark.slow
def test_each_process_holds_half_and_the_first_gets_the_whole(tiny_model: Path, tmp_path: Path) -> None:
    program = [sys.executable, str(Path(__file__).with_name("half.py")), str(tiny_model), str(tmp_path)]
    paths = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"}
    halves = [subprocess.Popen([*program, str(rank)], env=paths) for rank in (0, 1)]
    assert [half.wait(timeout=120) for half in halves] == [0, 0]
    first, second = (json.loads((tmp_path / str(rank)).read_text("utf-8")) for rank in (0, 1))
    for before, after, together, equal in (first, second):
        assert before == after == pytest.approx(together / 2, rel=0.02)
        assert equal
    assert first[0] + second[0] == first[2] == second[2] == describe(tiny_model).parameters


def texts(folder: Path) -> dict[str, Any]:
    """What is written besides the weights."""
    return {
        path.name: json.loads(path.read_text("utf-8")) if path.suffix == ".json" else path.read_text("utf-8")
        for path in sorted(folder.iterdir())
        if path.suffix != ".safetensors"
    }


@pytest.mark.slow
def test_a_killed_process_ends_the_training_and_another_try_gives_the_same(tiny_model: Path, tmp_path: Path) -> None:
    """In bfloat16, with masters that are split, too."""
    settings = split(epochs=8)

    def kill(log: dict[str, float]) -> None:
        if log["step"] == 5:
            children("spawn_main", recursive=True)[-1].kill()

    def run(name: str, **options: Any) -> Any:
        rows = examples(tiny_model)
        return parallel.train_on_devices(rows, settings, tiny_model, tmp_path / name, on=COARSE, **options)

    with pytest.raises(InfrastructureError, match="SIGKILL"):
        run("killed", on_log=kill)
    assert not (tmp_path / "killed").exists()
    first, second = run("first"), run("second")
    assert first.curve == second.curve
    assert digest.of_folder(tmp_path / "first") == digest.of_folder(tmp_path / "second")
    assert first.curve[-1].loss < 0.9 * first.curve[0].loss


@pytest.mark.slow
def test_a_training_goes_on_from_a_split_one_until_its_time_is_over(tiny_model: Path, tmp_path: Path) -> None:
    rows, settings = examples(tiny_model), split(eval_fraction=0.2)
    first = parallel.train_on_devices(rows, settings, tiny_model, tmp_path / "first", on=SINGLE)
    last = parallel.train_on_devices(
        rows, settings, tiny_model, tmp_path / "last", start=tmp_path / "first", stop_after=4, on=SINGLE
    )
    assert last.stopped is not None
    assert (last.stopped.code, last.steps) == (OUT_OF_TIME, 4)
    assert last.curve[0].loss < 0.9 * first.curve[0].loss


def test_all_processes_learn_that_the_time_is_over_before_they_evaluate() -> None:
    asked: list[bool] = []

    def agree(decision: bool) -> bool:
        asked.append(decision)
        return True

    follower = Monitor(None, every=1, patience=None, on_log=None, agree=agree, leads=False)
    follower.on_train_begin()
    control = SimpleNamespace(should_training_stop=False)
    follower.on_step_end(None, SimpleNamespace(global_step=1, max_steps=9, epoch=0.1), control)
    assert asked == [False, True]
    assert follower.stopped is not None
    assert follower.stopped.code == OUT_OF_TIME


def test_it_needs_several_devices_and_weights_that_can_be_split() -> None:
    for changes, reason in (
        ({"devices": 1}, "no effect on one device"),
        ({"method": "qlora"}, "cannot be split"),
        ({"sharding": "half"}, "'none' or 'full'"),
    ):
        with pytest.raises(ValidationError, match=reason):
            split(**changes)


def test_models_that_get_one_row_at_a_time_are_refused(tmp_path: Path, tiny_model: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((tiny_model / name).read_bytes())
    settings = split()
    assert list(trainer_of(settings).check_config(settings, tmp_path)) == []
    other = {**json.loads((tmp_path / "config.json").read_text("utf-8")), "model_type": "mamba"}
    (tmp_path / "config.json").write_text(json.dumps(other), "utf-8")
    (finding,) = trainer_of(settings).check_config(settings, tmp_path)
    assert (finding.code, finding.where) == ("cannot_shard", "train.yaml: sharding")


def test_only_a_split_training_has_the_key_in_its_identity(tiny_model: Path) -> None:
    whole, halves = config(devices=2), split(batch_size=8)
    keys = [model_key(trainer_of(c), c)["config"] for c in (whole, halves)]
    assert keys[1].pop("sharding") == "full"
    assert keys[0] == keys[1]
    assert trainer_of(halves).trial(halves, rows=4, steps=3).devices == 2
    assert trainer_of(whole).trial(whole, rows=4, steps=3).devices == 1


def test_a_device_holds_its_part_of_weights_gradients_and_moments(tiny_model: Path) -> None:
    model, batch = describe(tiny_model), Shape(rows=4, prefix=0, width=64, labels=8)
    gpu = Compute("cuda", "bfloat16", "sdpa", "a card")

    def peak(devices: int, sharding: str, rows: Shape | None = None) -> float:
        made = TrainConfig(method="full", learning_rate=1e-5, devices=devices, sharding=sharding)
        return estimate.memory(model, made, gpu, rows)

    assert peak(8, "none") == peak(1, "none") == 20 * model.parameters  # 2 + 4 + 8, and 2 + 4 in a step
    assert 2 * model.parameters < peak(64, "full") - 14 * model.parameters / 64 < 5 * model.parameters
    assert peak(8, "full", batch) > peak(64, "full", batch) > peak(64, "full")


def test_splitting_the_model_is_the_first_thing_that_makes_a_training_fit(tiny_model: Path) -> None:
    def needed(tried: TrainConfig) -> float:
        return tried.batch_size / (tried.devices if tried.is_sharded else 1)

    found = estimate.find_fitting(config(devices=4), needed, available=2)
    assert found is not None
    assert (found.sharding, found.batch_size) == ("full", 8)
    found = estimate.find_fitting(config(devices=2), needed, available=1)
    assert found is not None
    assert (found.sharding, found.batch_size) == ("none", 1)
    assert split(method="lora").smaller is None


@pytest.mark.slow
def test_a_forecast_is_made_on_all_devices(tiny_model: Path) -> None:
    short, long = (
        forecast.forecast(examples(tiny_model), split(epochs=epochs), tiny_model, on=SINGLE) for epochs in (1, 50)
    )
    assert long > 5 * short > 0
    assert forecast.forecast(examples(tiny_model, 3), split(epochs=1), tiny_model, on=SINGLE) > 0
