"""A whole run: supervised fine-tuning, then rewards from its weights; resumed, verified and exported."""

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

SUPERVISED = '{"prompt": request, "completion": "yes" if number % 5 < 2 else "no"}'
"""Mostly the wrong answer, and often the right one, so that rewards have something to turn around."""
ITEM = '{"item": row}'
SFT = {"method": "full", "learning_rate": 0.01, "epochs": 4, "batch_size": 8, "max_length": 64}
GRPO = {
    "method": "grpo",
    "weights": "full",
    "start": "best",
    "learning_rate": 0.005,
    "epochs": 6,  # with half as many, the answers do not turn around in float32
    "batch_size": 8,
    "group_size": 16,
    "max_length": 64,
}


@pytest.fixture(scope="module")
def task(approve: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The task of other tests, which also allows the method."""
    return allow_methods(approve, tmp_path_factory.mktemp("own") / "approve", "full", "lora", "grpo")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, task: Path, tiny_model: Path) -> Path:
    """A finished run that was interrupted between the two trainings."""
    place = tmp_path_factory.mktemp("run")
    agent = Submits(
        *(
            write_submission(tmp_path_factory.mktemp("submission"), train=train, program=data_program(row))
            for train, row in [(SFT, SUPERVISED), (GRPO, ITEM)]
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


@pytest.mark.slow
def test_it_is_trained_again_to_the_same_model_when_the_store_is_gone(place: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(place, tmp_path / "copy")
    shutil.rmtree(copy / "home/stages")
    made = export(copy / "run", tmp_path / "out", home=Home(copy / "home"), progress=Silent())
    assert [step.iteration.number for step in made.steps] == [2, 1]
    weights = "model.safetensors"
    assert (made.written.folder / weights).read_bytes() == (place / "run/model" / weights).read_bytes()


def test_rewards_are_in_the_record_and_in_the_curves(place: Path) -> None:
    supervised, rewarded = (i.feedback.training for i in read_iterations(place / "run"))
    assert supervised is not None
    assert supervised.rollouts is None
    assert rewarded is not None
    assert rewarded.rollouts is not None
    assert rewarded.rollouts[-1].right > rewarded.rollouts[0].right
    lines = [json.loads(line) for line in RunFolder(place / "run").metrics.read_text().splitlines()]
    for name in ("reward", "right", "entropy", "output_tokens", "top_output", "kl"):
        drawn = [line[f"train/{name}"] for line in lines if f"train/{name}" in line]
        assert drawn == [getattr(point, name) for point in rewarded.rollouts]


def test_gates_speak_of_items(task: Path, tiny_model: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")

    def verdict(row: str, **changes: Any) -> tuple[int | None, list[str]]:
        train = {**GRPO, "start": "base", **changes}
        folder = write_submission(tmp_path / "submission", train=train, program=data_program(row))
        found = validate(folder, RunOptions(task=str(task), model=str(tiny_model)), home=home)
        return found.gate, [finding.code for finding in found.findings]

    assert verdict(SUPERVISED) == (2, ["bad_row"])
    assert verdict('{"item": {"request": request}}') == (2, ["bad_row"])
    assert verdict(ITEM, kl=-1) == (0, ["bad_value"])


def test_a_recipe_writes_items(task: Path, tiny_model: Path, tmp_path: Path) -> None:
    home, found = Home(tmp_path / "home"), {}
    for items in (True, False):
        folder = write_submission(tmp_path / str(items), train={**GRPO, "start": "base"}, recipe={"items": items})
        verdict = validate(folder, RunOptions(task=str(task), model=str(tiny_model)), home=home)
        found[items] = verdict.gate, [f.code for f in verdict.findings if f.severity == "error"]
    assert found[True] == (4, ["constant_reward"]), "an untrained model is never right"
    assert found[False] == (2, ["bad_row"])


def test_the_program_of_the_page_writes_good_items(task: Path, tiny_model: Path, tmp_path: Path) -> None:
    files = files_of("docs/rewards.md")
    train = {**yaml.safe_load(files["train.yaml"]), "start": "base", "max_length": 64}
    folder = write_submission(tmp_path / "submission", train=train, program=files["process_data.py"])
    found = validate(folder, RunOptions(task=str(task), model=str(tiny_model)), home=Home(tmp_path / "home"))
    errors = [finding.code for finding in found.findings if finding.severity == "error"]
    assert (found.gate, errors) == (4, ["constant_reward"]), "an untrained model is never right"


def test_planners_get_the_schema() -> None:
    shown = describe_schema("train.yaml", ("lora", "grpo"), "grpo")
    assert {"group_size", "kl", "clip_low", "iterations", "weights"} <= shown["schema"]["properties"].keys()
    assert shown["further_keys"].endswith("seed, lora"), "which are described once, with method lora"
