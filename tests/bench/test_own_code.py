"""A contest with a contestant that brings its own training code, beside one of ftdojo's."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ftdojo.record import Home
from submissions import write_submission
from tiny import allow_methods

SUBMITTED = Path(__file__).parents[1] / "faults/good_training_program"
MODULE = """
import pathlib
import shutil


class OwnCode:
    name, planner = "own-code", ""

    def __init__(self, workspace):
        self.workspace = workspace

    @classmethod
    def create(cls, setup):
        return cls(setup.workspace)

    def propose(self, observation):
        if observation.history:
            return None
        return shutil.copytree(pathlib.Path(__file__).parent / "submission", self.workspace / "001")
"""
SUITE = """
name = "own-code"
tasks = ["approve"]
models = ["{model}"]
agents = ["single-shot", {{name = "own-code", agent = "agent_with_code:OwnCode"}}]
[budgets.short]
wall = "20m"
iterations = 1
[rules]
methods = ["full", "program"]
"""


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_own_training_code_is_scored_listed_packed_and_scored_again(
    approve: Path, tiny_model: Path, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = allow_methods(approve, tmp_path / "approve", "full", "program")
    with (task / "task.toml").open("a") as file:
        file.write("max_change = 5\n")
    submission = write_submission(tmp_path / "submission")
    for name in ("train.yaml", "train.py"):
        shutil.copy(SUBMITTED / name, submission)
    (tmp_path / "agent_with_code.py").write_text(MODULE)
    (tmp_path / "suite.toml").write_text(SUITE.format(model=tiny_model))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("FTDOJO_HOME", str(home.root))

    def ftdojo(*words: str) -> Any:
        command = [sys.executable, "-m", "ftdojo", *words, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
        assert done.returncode == 0, done.stderr + done.stdout
        return json.loads(done.stdout)

    (board,) = ftdojo("bench", "suite.toml", "--out", "out", "--slots", "1")["boards"]
    standings = {standing["contestant"]: standing for standing in board["standings"]}
    assert {"single-shot", "own-code", "constant", "few-shot"} <= standings.keys()
    assert standings["own-code"]["methods"] == ["program"]
    (result,) = Path("out").glob("jobs/**/own-code/**/result.json")
    made = json.loads(result.read_text())
    assert made["outcome"] == "scored"
    assert made["best"]["test"]["value"] > made["baseline"]["test"]["value"]
    assert {check["status"] for check in ftdojo("verify", str(result.parent))["checks"]} == {"ok"}
    ftdojo("bench", "pack", "out", "--out", "pack", "--with-private-text")
    checked = ftdojo("bench", "verify", "pack", "--remake", "--model", str(tiny_model), "--task", str(task))
    assert checked["ok"], checked
