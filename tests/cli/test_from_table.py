"""From somebody's table to an exported model, with the three commands of the README."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from ftdojo.cli.main import app
from ftdojo.contract.options import RunOptions
from ftdojo.contract.protocol import Observation
from ftdojo.episode import Dojo, run_episode
from ftdojo.record import Home

NAMES = ["Ann", "Bob", "Cid", "Dee", "Eve"]
THINGS = ["a lamp", "two days off", "a new desk", "tickets", "a course", "paper", "a key"]


class Once:
    """Hands in one submission, so that the test takes seconds: the commands of the README let FT-Agent do it."""

    name, planner = "once", ""

    def __init__(self, folder: Path, prompt: str) -> None:
        self.folder, self.prompt = folder, prompt

    def propose(self, observation: Observation) -> Path | None:
        if observation.history:
            return None
        source = {"path": "train.jsonl", "prompt": self.prompt, "completion": "{{ verdict }}"}
        train = {"method": "full", "learning_rate": 0.01, "epochs": 4, "batch_size": 8, "max_length": 128}
        plan = {"parent": 0, "hypothesis": "rows teach", "evidence": ["none"], "focus": "both", "changes": []}
        self.folder.mkdir()
        for name, content in (("recipe", {"sources": [source]}), ("train", train), ("plan", plan)):
            (self.folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
        return self.folder


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
    options = RunOptions(task="requests", model=str(tiny_model), agent=Once.name)
    with Dojo(options, Path("runs/requests-seed0"), home=Home.default()) as dojo:
        assert run_episode(dojo, Once(tmp_path / "submission", made["prompt"])).best.iteration == 1
    exported = ftdojo("export", "runs/requests-seed0", "models/requests")
    assert Path("models/requests/model.safetensors").is_file()
    assert exported["validation"]["value"] > 50
