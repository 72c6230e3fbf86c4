"""From somebody's table to an exported model, with the three commands of the README."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ftdojo.cli.main import app
from ftdojo.contract.options import RunOptions
from ftdojo.episode import Dojo, run_episode
from ftdojo.record import Home
from submissions import Submits, write_submission

NAMES = ["Ann", "Bob", "Cid", "Dee", "Eve"]
THINGS = ["a lamp", "two days off", "a new desk", "tickets", "a course", "paper", "a key"]


def ftdojo(*arguments: object) -> Any:
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_table_becomes_a_model_in_three_commands(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FTDOJO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    rng = random.Random(0)
    rows = {f"Form {rng.randrange(1000)}: {rng.choice(NAMES)} asks for {rng.choice(THINGS)}." for _ in range(400)}
    with Path("requests.csv").open("w", newline="", encoding="utf-8-sig") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerows([["request", "verdict"], *([row, "no" if "Bob" in row else "yes"] for row in sorted(rows))])
    made = ftdojo("task", "new", "requests", "--from", "requests.csv", "--answer", "verdict", "--model", tiny_model)
    assert (made["form"], made["answer"], set(made["classes"])) == ("table", "verdict", {"yes", "no"})
    assert ftdojo("task", "check", "requests")["ok"]
    options = RunOptions(task="requests", model=str(tiny_model), agent=Submits.name)
    # The commands of the README let FT-Agent train, which takes longer.
    train = {"epochs": 4, "max_length": 128}
    submission = write_submission(tmp_path / "submission", train=train, source={"prompt": made["prompt"]})
    with Dojo(options, Path("runs/requests-seed0"), home=Home.default()) as dojo:
        assert run_episode(dojo, Submits(submission)).best.iteration == 1
    exported = ftdojo("export", "runs/requests-seed0", "models/requests")
    assert Path("models/requests/model.safetensors").is_file()
    assert exported["validation"]["value"] > 50
