"""The examples of docs/plugins.md, installed as a distribution outside the package, in real runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ftdojo import agents
from ftdojo.errors import UsageError
from pages import files_of


@pytest.fixture
def mypkg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package of the page with its metadata, as pip installs it; other processes see it, too."""
    site = tmp_path / "site"
    files = files_of("docs/plugins.md")
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    (site / "mypkg/__init__.py").touch()
    project = tomllib.loads(files["pyproject.toml"])["project"]
    info = site / "mypkg-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mypkg\nVersion: 1.0\n")
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join([*lines, ""]))
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("FTDOJO_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def task(mypkg: Path, approve: Path) -> Path:
    """The shared task with the scorer of the page."""
    folder = mypkg / "approve"
    shutil.copytree(approve, folder)
    text = (folder / "task.toml").read_text()
    (folder / "task.toml").write_text(text.replace('scorer = "exact"', 'scorer = "first-word"'))
    return folder


def ftdojo(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ftdojo", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))


def document(*arguments: object) -> Any:
    done = ftdojo(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_agent_engine_and_scorer_of_the_page_play_an_episode(mypkg: Path, task: Path, tiny_model: Path) -> None:
    run = mypkg / "run"
    options = ["--model", tiny_model, "--agent", "mine", "--engine", "one-by-one", "--out", run]
    result = document("run", task, *options)
    assert (result["agent"], result["outcome"], len(result["iterations"])) == ("mine", "scored", 1)
    assert result["iterations"][0]["validation"]["n"] == 30, "it passed all gates, gate 5 with the page's engine"
    manifests = [json.loads(p.read_text()) for p in (mypkg / "home").rglob("predictions/*/manifest.json")]
    assert {m["key"]["engine"] for m in manifests} == {"one-by-one one-by-one-1"}
    assert document("verify", run)["ok"]


@pytest.mark.slow
def test_without_entry_points_the_same_is_named_by_its_place(mypkg: Path, task: Path, tiny_model: Path) -> None:
    shutil.rmtree(mypkg / "site/mypkg-1.0.dist-info")
    text = (task / "task.toml").read_text()
    (task / "task.toml").write_text(text.replace("first-word", "mypkg.scorer:FIRST_WORD"))
    options = ["--model", tiny_model, "--max-iterations", 1, "--out", mypkg / "run"]
    with pytest.raises(UsageError, match="there is no agent 'mine'"):
        agents.check("mine")
    result = document("run", task, *options, "--agent", "mypkg.agent:MyAgent")
    assert (result["agent"], len(result["iterations"])) == ("mypkg.agent:MyAgent", 1)


def test_the_task_family_of_the_page_is_listed_and_proved(mypkg: Path) -> None:
    assert "mypkg/add" in [task["id"] for task in document("tasks")]
    verdict = document("task", "check", "mypkg/add")
    assert verdict["ok"], verdict
