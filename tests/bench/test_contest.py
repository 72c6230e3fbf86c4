"""Contests of real processes on a tiny real model: isolation, resumption after SIGKILL, Ctrl-C, a cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from ftdojo.record import Home
from submissions import BY_EVERY_METHOD
from tiny import allow_methods

SUITE = """
name = "tiny"
tasks = ["{task}"]
models = ["{models}"]
agents = [{agents}]
seeds = [21]  # with which random search begins with a training that learns something
[budgets.short]
wall = "20m"
iterations = 1
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FTDOJO_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def task(place: Path, approve: Path) -> Path:
    """The shared task with full weights alone: the tiny model cannot learn it with an adapter."""
    return allow_methods(approve, place / "approve", "full")


def write_suite(place: Path, task: Path, models: list[Path], agents: str) -> Path:
    path = place / "suite.toml"
    path.write_text(SUITE.format(task=task, models='", "'.join(map(str, models)), agents=agents))
    return path


def start(suite: Path, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ftdojo", "bench", str(suite), "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(suite: Path, out: Path, status: int = 0) -> Any:
    process = start(suite, out)
    _, told = process.communicate(timeout=280)
    assert process.returncode == status, told
    assert "Traceback" not in told
    return json.loads((out / "leaderboard.json").read_text())


def untimed(board: Any) -> Any:
    """A leaderboard without what a clock measured and without how often it was tried."""
    if isinstance(board, dict):
        return {k: untimed(v) for k, v in board.items() if k not in ("cost", "course", "attempts")}
    return [untimed(entry) for entry in board] if isinstance(board, list) else board


def wait_for(found: Any, process: subprocess.Popen[str]) -> Any:
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and process.poll() is None:
        if value := found():
            return value
        time.sleep(0.05)
    raise AssertionError(f"it did not come, the suite ended with {process.poll()}")


def offspring(process: subprocess.Popen[str]) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(process.pid).children(recursive=True)
    return found


@pytest.mark.slow
def test_killed_and_run_again_it_ends_with_the_same_leaderboard(
    place: Path, task: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = write_suite(place, task, [tiny_model], '"base", "random-search"')
    out = place / "out"
    process = start(suite, out)

    def second_runs() -> list[psutil.Process]:
        return offspring(process) if list(out.glob("jobs/*/*/random-search/seed21/submissions/001")) else []

    children = wait_for(second_runs, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    psutil.wait_procs(children, timeout=20)
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert not (out / "leaderboard.json").exists()

    resumed = finish(suite, out)
    assert resumed["attempts"] == 3
    assert not resumed["missing"]
    assert resumed["boards"][0]["standings"][0]["gain"] > 0.3
    logs = sorted(p.name for p in out.glob("jobs/*/*/random-search/seed21/attempt-*.log"))
    assert logs == ["attempt-1.log", "attempt-2.log"], "evidence of every attempt stays"

    before = (out / "leaderboard.json").read_bytes()
    finish(suite, out)
    assert (out / "leaderboard.json").read_bytes() == before, "nothing was missing, so nothing has changed"

    monkeypatch.setenv("FTDOJO_HOME", str(place / "another"))
    assert untimed(finish(suite, place / "whole")) == untimed(resumed)


def test_a_job_that_fails_sinks_no_other(
    place: Path, task: Path, tiny_model: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTDOJO_HOME", str(home.root))
    broken = place / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("{}")
    suite = write_suite(place, task, [broken, tiny_model], '"base"')
    board = finish(suite, place / "out", status=3)
    (missing,) = board["missing"]
    assert "broken" in missing["folder"]
    assert "ended with status" in missing["failure"]
    assert [len(b["tasks"]) for b in board["boards"]] == [0, 1]
    assert (place / "out/leaderboard.html").is_file()


@pytest.mark.slow
def test_ctrl_c_ends_the_children_and_leaves_a_suite_to_resume(place: Path, task: Path, tiny_model: Path) -> None:
    suite = write_suite(place, task, [tiny_model], '"random-search"')
    process = start(suite, place / "out")
    children = wait_for(lambda: offspring(process), process)
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "resume with: ftdojo bench" in told
    psutil.wait_procs(children, timeout=20)
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert not finish(suite, place / "out")["missing"]


@pytest.mark.slow
def test_a_contestant_trains_by_every_method_and_the_board_names_them(
    place: Path, approve: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    task = allow_methods(approve, place / "approve", *BY_EVERY_METHOD)
    agent = '{name = "every-method", agent = "submissions:TrainsByEveryMethod"}'
    suite = write_suite(place, task, [tiny_model], f'"base", {agent}')
    suite.write_text(suite.read_text().replace("iterations = 1", f"iterations = {len(BY_EVERY_METHOD)}"))
    board = finish(suite, place / "out")
    assert not board["missing"]
    standings = board["boards"][0]["standings"]
    assert sorted(standing["methods"] for standing in standings) == [[], sorted(BY_EVERY_METHOD)]
    assert max(standing["iterations"] for standing in standings) == len(BY_EVERY_METHOD)


def on_two_nodes(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a suite on a Ray cluster in a network namespace that has nothing but loopback."""
    alone = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--"]
    script = Path(__file__).with_name("two_nodes.py")
    return subprocess.run(
        [*alone, sys.executable, script, *map(str, arguments)], capture_output=True, text=True, timeout=280, check=False
    )


def test_a_cluster_without_a_machine_for_a_job_says_so_instead_of_waiting(
    place: Path, task: Path, tiny_model: Path
) -> None:
    suite = write_suite(place, task, [tiny_model], '"base"')
    done = on_two_nodes(suite, "--out", place / "out", "--cpus", 2)
    assert done.returncode == 2, done.stderr
    assert "no machine of the cluster has 2 CPUs" in done.stderr
    assert not (place / "out").exists()


@pytest.mark.slow
def test_a_cluster_that_loses_a_node_ends_with_the_results_of_one_machine(
    place: Path, task: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = write_suite(place, task, [tiny_model], '"base", "random-search", "single-shot"')
    done = on_two_nodes("--kill-second", suite, "--out", place / "out")
    assert done.returncode == 0, done.stderr
    assert "its machine was lost" in done.stderr
    board = json.loads((place / "out/leaderboard.json").read_text())
    assert board["attempts"] > 3
    assert not board["missing"]

    monkeypatch.setenv("FTDOJO_HOME", str(place / "another"))
    assert untimed(finish(suite, place / "alone")) == untimed(board)
