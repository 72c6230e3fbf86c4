"""Trainings that start from the weights of an earlier one: they go on where it ended, and descend from the base."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ftdojo import digest
from ftdojo.contract.train_config import TrainConfig
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.training import Earlier, export, lineage_faults
from ftdojo.training.sft import Sft, lineage
from ftdojo.training.sft.trainer import train
from training.sft.test_trainer import SINGLE, config, examples

METHODS: dict[str, dict[str, Any]] = {
    "full": {"method": "full", "learning_rate": 3e-3},
    "lora": {"method": "lora", "learning_rate": 2e-3},
    "qlora": {"method": "qlora", "learning_rate": 2e-3},
}


def one_batch(**changes: Any) -> TrainConfig:
    """All rows in every step, so that the losses of steps can be compared."""
    return config(**{"batch_size": 24, "schedule": "constant", "warmup_ratio": 0.0, **changes})


@pytest.mark.parametrize("method", METHODS)
def test_a_training_goes_on_where_the_earlier_one_ended(tiny_model: Path, tmp_path: Path, method: str) -> None:
    """The tiny model is random, so adapters alone take its loss down by little."""
    settings, rows = one_batch(epochs=40, **METHODS[method]), examples(tiny_model)
    first = train(rows, settings, tiny_model, tmp_path / "first", on=SINGLE)
    again = settings.model_copy(update={"epochs": 3.0, "seed": 7})
    second = train(rows, again, tiny_model, tmp_path / "second", on=SINGLE, start=tmp_path / "first")
    cold = train(rows, again, tiny_model, tmp_path / "cold", on=SINGLE)
    learned = cold.curve[0].loss - first.curve[-1].loss
    assert learned > 0.5
    assert second.curve[0].loss == pytest.approx(first.curve[-1].loss, abs=0.15 * learned)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_without_any_step_that_counts_the_model_is_the_earlier_one(
    tiny_model: Path, tmp_path: Path, method: str
) -> None:
    rows = examples(tiny_model)
    train(rows, config(**METHODS[method]), tiny_model, tmp_path / "first", on=SINGLE)
    still = config(method=method, learning_rate=1e-12, epochs=1)
    train(rows, still, tiny_model, tmp_path / "second", on=SINGLE, start=tmp_path / "first")
    for name in ("first", "second"):
        export(tiny_model, tmp_path / name, tmp_path / f"{name}-merged")
    before, after = (load_file(tmp_path / f"{n}-merged/model.safetensors") for n in ("first", "second"))
    base = load_file(tiny_model / "model.safetensors")
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in before)
    assert not all(torch.allclose(before[name], base[name], atol=1e-3) for name in before)


IN_A_PROCESS = """
import sys
from pathlib import Path
from training.sft.test_trainer import SINGLE, config, examples
from ftdojo.training.sft.trainer import train
base, start, out = map(Path, sys.argv[1:])
settings = config(method="lora", epochs=1, lora={"dropout": 0.1})
train(examples(base, 8), settings, base, out, on=SINGLE, start=start)
"""


@pytest.mark.slow
def test_two_processes_write_the_same_files(tiny_model: Path, tmp_path: Path) -> None:
    train(examples(tiny_model, 8), config(method="lora", epochs=1), tiny_model, tmp_path / "first", on=SINGLE)
    shutil.copytree(tmp_path / "first", tmp_path / "moved")
    tests = str(Path(__file__).parents[2])
    for seed, start in (("1", "first"), ("2", "moved")):
        command = [sys.executable, "-c", IN_A_PROCESS, str(tiny_model), str(tmp_path / start), str(tmp_path / seed)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": tests})
    assert digest.of_folder(tmp_path / "1") == digest.of_folder(tmp_path / "2")


@pytest.mark.slow
def test_two_devices_start_from_the_earlier_weights(tiny_model: Path, tmp_path: Path) -> None:
    rows = examples(tiny_model)
    first = train(rows, one_batch(epochs=30, **METHODS["lora"]), tiny_model, tmp_path / "first", on=SINGLE)
    both = one_batch(epochs=1, devices=2, batch_size=12, learning_rate=1e-9, method="lora")
    second = Sft().train(rows, both, tiny_model, tmp_path / "second", start=tmp_path / "first")
    assert second.curve[0].loss == pytest.approx(first.curve[-1].loss, rel=0.02)


def test_an_adapter_of_another_form_is_a_finding(tiny_model: Path, tmp_path: Path) -> None:
    rows = examples(tiny_model, 8)
    train(rows, config(method="lora", epochs=1, lora={"rank": 4}), tiny_model, tmp_path / "first", on=SINGLE)
    for other in ({"rank": 8}, {"rank": 4, "targets": ["q_proj"]}):
        settings = config(method="lora", epochs=1, lora=other)
        with pytest.raises(InputError) as caught:
            train(rows, settings, tiny_model, tmp_path / "second", on=SINGLE, start=tmp_path / "first")
        assert [finding.code for finding in caught.value.findings] == ["start_mismatch"]


def mismatches(now: dict[str, Any], earlier: dict[str, Any]) -> list[Finding]:
    return list(Sft().check_start(TrainConfig.model_validate(now), TrainConfig.model_validate(earlier)))


@pytest.mark.parametrize(
    ("now", "earlier", "where", "values"),
    [
        ({"method": "full"}, {"method": "lora"}, "train.yaml: method", ("full", "lora")),
        ({"method": "qlora"}, {"method": "full"}, "train.yaml: method", ("qlora", "full")),
        ({"lora": {"rank": 8}}, {"lora": {"rank": 4}}, "train.yaml: lora.rank", ("8", "4")),
        ({"lora": {"alpha": 8}}, {}, "train.yaml: lora.alpha", ("8", "32")),
        ({"lora": {"targets": ["q_proj"]}}, {}, "train.yaml: lora.targets", ("q_proj", "all-linear")),
    ],
)
def test_what_decides_the_weights_must_agree(
    now: dict[str, Any], earlier: dict[str, Any], where: str, values: tuple[str, str]
) -> None:
    (found,) = mismatches(now, earlier)
    assert (found.code, found.where) == ("start_mismatch", where)
    assert all(value in found.message for value in values)
    assert values[1] in found.fix


@pytest.mark.parametrize(
    ("now", "earlier"),
    [
        ({"method": "qlora"}, {"method": "lora"}),
        ({"method": "lora"}, {"method": "qlora"}),
        ({"lora": {"dropout": 0.2}, "epochs": 9, "batch_size": 3, "seed": 4}, {"learning_rate": 0.5}),
        ({"lora": {"targets": ["q_proj", "k_proj"]}}, {"lora": {"targets": ["k_proj", "q_proj", "k_proj"]}}),
        ({"method": "full"}, {"method": "full", "weight_decay": 1}),
    ],
)
def test_what_does_not_decide_them_may_differ(now: dict[str, Any], earlier: dict[str, Any]) -> None:
    assert mismatches(now, earlier) == []


@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_distances_of_all_trainings_add_up(tiny_model: Path, tmp_path: Path, method: str) -> None:
    rows, settings = examples(tiny_model), config(method=method, learning_rate=1e-3, epochs=5, weight_decay=0.1)
    folders = [tmp_path / str(n) for n in range(3)]
    steps = []
    for number, folder in enumerate(folders):
        start = folders[number - 1] if number else None
        steps.append(train(rows, settings, tiny_model, folder, on=SINGLE, start=start).steps)
    export(tiny_model, folders[-1], tmp_path / "model")
    *earlier, last = (Earlier(settings, count) for count in steps)
    assert lineage_faults(tiny_model, tmp_path / "model", last, earlier) == []
    alone = Earlier(settings.model_copy(update={"learning_rate": 1e-5}), 1)
    if method == "full":
        assert "1 steps reach" in lineage_faults(tiny_model, tmp_path / "model", alone, [])[0]
    assert lineage._reach([last, last], 1.0) > 2 * lineage._reach([last], 1.0)


def test_a_chain_whose_trainings_do_not_fit_together_is_told(tiny_model: Path) -> None:
    full, lora = Earlier(TrainConfig(method="full"), 1), Earlier(TrainConfig(), 1)
    assert "method is lora here" in lineage_faults(tiny_model, tiny_model, lora, [full])[0]
