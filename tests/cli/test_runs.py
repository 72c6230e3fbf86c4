"""``ftdojo runs``, ``finish`` and ``extend``, and what an interruption says."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ftdojo.cli.main import app
from ftdojo.contract.budget import Budget
from ftdojo.contract.configuration import Configuration
from ftdojo.contract.options import RunOptions
from ftdojo.episode import Dojo
from ftdojo.episode.extension import read_request
from ftdojo.errors import UsageError
from ftdojo.record import Home, Ledger, RunFolder, is_running
from ftdojo.record.events import AgentStopped, RunBegun
from ftdojo.record.history import History


def ftdojo(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ftdojo", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def listed(folder: Path) -> dict[str, Any]:
    done = ftdojo("runs", folder, "--json")
    assert done.returncode == 0, done.stderr
    return {Path(run["folder"]).name: run for run in json.loads(done.stdout)}


def test_runs_are_listed_with_their_state(tmp_path: Path, finished_run: Path) -> None:
    shutil.copytree(finished_run / "run", tmp_path / "done")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "ledger.sqlite").write_bytes(b"no database")
    with Ledger(tmp_path / "open"):
        assert is_running(tmp_path / "open")
        found = listed(tmp_path)
    assert not is_running(tmp_path / "open")
    assert found["done"]["state"] == "scored"
    assert found["done"]["iterations"] >= 1
    assert found["open"]["state"] == "running"
    assert found["broken"]["state"].startswith("unreadable")
    assert str(tmp_path / "done") in ftdojo("runs", tmp_path).stdout


def test_without_a_folder_of_runs_both_lists_say_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in ("runs", "ui"):
        with pytest.raises(UsageError, match="there is no folder runs") as caught:
            app([command], standalone_mode=False)
        assert (
            caught.value.fix
            == f"start a run with: ftdojo run TASK; or name the folder of your runs: ftdojo {command} DIR"
        )


def begin(history: History, limits: dict[str, Any]) -> None:
    identity = Configuration(
        task="t", variant="v", model="m", agent="a", planner="", seed=0, budget=limits, digests={"task": "1"}
    )
    history.append(RunBegun(configuration=identity, metric="accuracy", higher_is_better=True, objective="o"))


@pytest.fixture
def environment(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The home of this session, also for the commands."""
    monkeypatch.setenv("FTDOJO_HOME", str(home.root))
    return home


def test_an_interrupted_run_is_finished_with_what_it_has(
    tmp_path: Path, approve: Path, tiny_model: Path, environment: Home
) -> None:
    options = RunOptions(task=str(approve), model=str(tiny_model), agent="ft-agent", planner="playbook", wall_s=600)
    run = tmp_path / "run"
    with Dojo(options, run, home=environment) as dojo:
        dojo.reset()
    done = CliRunner().invoke(app, ["finish", str(run), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "no further submission: the owner finished the run, " in done.stderr
    result = json.loads(done.stdout)
    assert result["outcome"] == "no_submission"
    assert result["baseline"]["test"]["n"] > 0
    with Ledger(run, writable=False) as ledger:
        assert History(ledger).require(AgentStopped).by_owner
    assert not RunFolder(run).finish_request.exists()
    assert "the owner finished the run" in RunFolder(run).report.read_text("utf-8")


def test_finishing_a_run_that_has_ended_says_so_and_changes_nothing(
    tmp_path: Path, finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTDOJO_HOME", str(finished_run / "home"))
    run = shutil.copytree(finished_run / "run", tmp_path / "run")
    before = RunFolder(run).result.read_bytes()
    done = CliRunner().invoke(app, ["finish", str(run)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "had ended already" in done.output
    assert RunFolder(run).result.read_bytes() == before


def test_a_request_ends_a_run_between_two_submissions(
    tmp_path: Path, approve: Path, tiny_model: Path, environment: Home
) -> None:
    options = RunOptions(task=str(approve), model=str(tiny_model), agent="own", wall_s=600)
    with Dojo(options, tmp_path / "run", home=environment) as dojo:
        dojo.reset()
        assert not dojo.over
        said = ftdojo("finish", tmp_path / "run").stderr
        assert "ends after the submission" in " ".join(said.split())
        assert dojo.over


def test_more_time_is_given_on_the_command_line(tmp_path: Path) -> None:
    run, limits = tmp_path / "run", asdict(Budget(wall_s=600))
    with Ledger(run) as ledger:
        begin(History(ledger), limits)
        given = CliRunner().invoke(app, ["extend", str(run), "--by", "5m", "--json"], catch_exceptions=False)
        assert json.loads(given.stdout) == {"wall_s": 900.0, "running": True}
    said = ftdojo("extend", run, "--by", "1m30s")
    assert "becomes 16 min 30 s when its command is repeated" in said.stdout, said.stderr
    assert read_request(RunFolder(run)) == 990


@pytest.mark.parametrize(
    ("by", "said"),
    [("5", "write 5m for minutes"), ("soon", "45s, 30m"), ("0m", "at least 1s"), ("5m", "begin a new run")],
)
def test_no_time_is_given_by_mistake_or_to_a_run_that_has_ended(tmp_path: Path, by: str, said: str) -> None:
    with Ledger(tmp_path) as ledger:
        history = History(ledger)
        begin(history, asdict(Budget(wall_s=600)))
        history.append(AgentStopped(out_of_budget=True))
    done = CliRunner().invoke(app, ["extend", str(tmp_path), "--by", by])
    assert isinstance(done.exception, UsageError)
    assert said in done.exception.fix
    assert read_request(RunFolder(tmp_path)) is None


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_says_how_to_go_on(tmp_path: Path, approve: Path, tiny_model: Path, number: signal.Signals) -> None:
    arguments = ["run", str(approve), "--model", str(tiny_model), "--budget", "10m", "--out", str(tmp_path / "run")]
    process = subprocess.Popen([sys.executable, "-m", "ftdojo", *arguments], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first = process.stderr.readline()
    assert "loading the libraries" in first
    time.sleep(0.5)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    # A shell shows 130 for both. Python itself ends by SIGINT if the interrupt came while it ran a text with `exec`, as
    # dataclasses do at import, even where the exception is handled.
    assert process.returncode in (130, -signal.SIGINT), said
    assert f"resume with: ftdojo run {approve} --model" in " ".join(said.split())


def test_samples_are_written_for_another_tool(
    tmp_path: Path, finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTDOJO_HOME", str(finished_run / "home"))
    done = ftdojo("samples", finished_run / "run", tmp_path / "logs", "--form", "lm-eval", "--json")
    assert done.returncode == 0, done.stderr
    files = json.loads(done.stdout)["files"]
    assert files
    assert all(Path(file).is_file() for file in files)


@pytest.mark.usefixtures("environment")
def test_a_run_without_time_ends_with_status_1_and_says_what_to_type(
    tmp_path: Path, approve: Path, tiny_model: Path
) -> None:
    out = tmp_path / "short"
    done = ftdojo("run", approve, "--model", tiny_model, "--budget", "0.01s", "--out", out, "--track", "tensorboard")
    assert done.returncode == 1, done.stderr
    printed = " ".join(done.stdout.split())
    assert "give it three times the time" in printed
    assert f"ftdojo run {approve}" in printed
    assert "nothing gained" in done.stderr
    assert list(RunFolder(out).tracker("tensorboard").glob("events.*"))
    assert RunFolder(out).metrics.is_file()
