"""A whole run: supervised fine-tuning, then preferences from its weights; resumed, verified and exported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from ftdojo.audit import verify
from ftdojo.audit.export import export
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.episode import validate
from ftdojo.outside.answers import describe_schema
from ftdojo.record import Home, RunFolder
from pages import files_of
from resumed_runs import play_resumed, read_iterations
from submissions import Submits, data_program, write_submission
from tiny import allow_methods

SUPERVISED = '{"prompt": request, "completion": "yes" if number % 5 == 0 else "no"}'
"""Mostly the wrong answer, so that preferences have something to turn around."""
PAIR = '{"prompt": request, "chosen": verdict, "rejected": "no" if verdict == "yes" else "yes"}'
SFT = {"method": "full", "learning_rate": 0.01, "epochs": 4, "batch_size": 8, "max_length": 64}
DPO = {
    "method": "dpo",
    "weights": "full",
    "start": "best",
    "learning_rate": 0.003,
    "sft_weight": 10,
    "epochs": 6,
    "batch_size": 8,
    "max_length": 64,
}


@pytest.fixture(scope="module")
def task(approve: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The task of other tests, which also allows the methods."""
    return allow_methods(approve, tmp_path_factory.mktemp("own") / "approve", "full", "lora", "dpo", "orpo")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, task: Path, tiny_model: Path) -> Path:
    """A finished run that was interrupted between the two trainings."""
    place = tmp_path_factory.mktemp("run")
    both = [(SFT, SUPERVISED), (DPO, PAIR)]
    agent = Submits(
        *(
            write_submission(tmp_path_factory.mktemp("submission"), train=train, program=data_program(row))
            for train, row in both
        )
    )
    options = RunOptions(task=str(task), model=str(tiny_model), agent="scripted")
    result = play_resumed(options, place / "run", Home(place / "home"), agent)
    assert [i.accepted for i in result.iterations] == [True, True], result.iterations
    assert result.best.iteration == 2
    return place


def test_the_run_is_verified_with_its_lineage(place: Path) -> None:
    audit = verify(place / "run", home=Home(place / "home"), progress=Silent())
    assert {check.name: check.message for check in audit.checks if check.status != "ok"} == {}


def test_it_is_trained_again_to_the_same_model_when_the_store_is_gone(place: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(place, tmp_path / "copy")
    shutil.rmtree(copy / "home/stages")
    made = export(copy / "run", tmp_path / "out", home=Home(copy / "home"), progress=Silent())
    assert [step.iteration.number for step in made.steps] == [2, 1]
    assert made.score == made.steps[0].iteration.score
    weights = "model.safetensors"
    assert (made.written.folder / weights).read_bytes() == (place / "run/model" / weights).read_bytes()


def test_rewards_are_in_the_record_and_in_the_curves(place: Path) -> None:
    supervised, preferences = (i.feedback.training for i in read_iterations(place / "run"))
    assert supervised is not None
    assert supervised.rewards is None
    assert preferences is not None
    assert preferences.rewards is not None
    assert preferences.rewards[-1].accuracy > 0.5
    lines = [json.loads(line) for line in RunFolder(place / "run").metrics.read_text().splitlines()]
    drawn = [line["train/reward_margin"] for line in lines if "train/reward_margin" in line]
    assert drawn == [point.margin for point in preferences.rewards]
    drifts = [line["train/reference_drift"] for line in lines if "train/reference_drift" in line]
    assert drifts == [point.drift for point in preferences.rewards]


def test_gates_speak_of_pairs(task: Path, tiny_model: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")

    def verdict(row: str, **changes: Any) -> tuple[int | None, list[str]]:
        train = {**DPO, "start": "base", **changes}
        folder = write_submission(tmp_path / "submission", train=train, program=data_program(row))
        found = validate(folder, RunOptions(task=str(task), model=str(tiny_model)), home=home)
        return found.gate, [finding.code for finding in found.findings]

    assert verdict(PAIR) == (None, [])
    assert verdict(SUPERVISED) == (2, ["bad_row"])
    assert verdict(PAIR.replace('"rejected": "no"', '"rejected": "not today, and never on a Sunday"'))[1] == [
        "length_bias"
    ]
    assert verdict(PAIR, beta=0) == (0, ["bad_value"])


def test_the_program_of_the_page_writes_good_pairs(task: Path, tiny_model: Path, tmp_path: Path) -> None:
    files = files_of("docs/preferences.md")
    train = {**yaml.safe_load(files["train.yaml"]), "start": "base", "batch_size": 8, "max_length": 64}
    folder = write_submission(tmp_path / "submission", train=train, program=files["process_data.py"])
    found = validate(folder, RunOptions(task=str(task), model=str(tiny_model)), home=Home(tmp_path / "home"))
    assert (found.gate, found.findings) == (None, [])


def test_planners_get_the_schema() -> None:
    described = describe_schema("train.yaml", ("lora", "dpo"), "dpo")
    assert {"beta", "loss", "sft_weight", "weights"} <= described["schema"]["properties"].keys()
    assert "lora" in described["further_keys"].split(", "), "as with supervised fine-tuning"
