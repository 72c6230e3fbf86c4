"""Agents that leave in the middle of something, are ended by their clients, cancel, or come back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ftdojo.audit import verify
from ftdojo.contract.progress import Silent
from ftdojo.record import Home, Ledger
from ftdojo.record.ledger import wait_until_free
from stdio_client import FILES, SLOW, Stdio

BENCHMARK = Path(__file__).parents[2] / "benchmarks/orphans.py"


def started(options: list[str], tmp_path: Path) -> Stdio:
    """A server that has been greeted and has measured the base model."""
    client = Stdio(options, tmp_path / "server.log")
    client.initialize()
    client.until("baseline")
    return client


def kinds(run: Path) -> list[str]:
    """The kinds of the events in a run's record."""
    with Ledger(run, writable=False) as ledger:
        return [event.kind for event in ledger.events()]


def wait_for(path: Path, seconds: float = 150.0) -> Any:
    """Wait for a JSON file, and read it."""
    deadline = time.monotonic() + seconds
    while not path.is_file() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert path.is_file(), f"{path} is missing; {[p.name for p in path.parent.iterdir()]}"
    return json.loads(path.read_text())


def test_a_client_that_dies_during_a_call_leaves_a_run_to_resume_and_only_its_thinking_is_charged(
    options: list[str], tmp_path: Path, home: Home
) -> None:
    run = tmp_path / "run"
    with started(options, tmp_path) as client:
        assert client.call("dojo_submit", files=FILES, wait_s=120)["state"] == "iteration"
        assert client.call("dojo_submit", files=SLOW, wait_s=0)["state"] == "running"
        before = client.call("dojo_status")
        assert 0 < before["remaining"]["wall_s"] < 600
        client.begin("dojo_wait", wait_s=600)
        time.sleep(2)
        client.vanish()  # as when it is killed: both pipes are closed at once
        assert client.process.wait(timeout=60) == 0
    assert kinds(run)[-1] == "paused"
    assert "test_opened" not in kinds(run)
    assert not (run / "result.json").exists()
    with Ledger(run) as ledger:  # its lock is free
        (paused,) = ledger.events("paused")
    assert 0 < paused.payload["charge"]["wall_s"] < 2, "what the interrupted stage took is not charged"

    with Stdio(options, tmp_path / "server.log") as client:
        client.initialize()
        client.call("dojo_wait", wait_s=120)
        assert list(client.call("dojo_status")["iterations"]) == ["1"]
        assert client.call("dojo_feedback", iteration=1)["iteration"] == 1
        assert client.call("dojo_finish", wait_s=150)["state"] == "ended"
    assert json.loads((run / "result.json").read_text())["best"]["iteration"] == 1
    assert verify(run, home=home, progress=Silent()).ok


def test_a_client_that_dies_after_the_first_answer_is_no_error(options: list[str], tmp_path: Path) -> None:
    """It was one when the server had not begun to serve yet."""
    with Stdio(options, tmp_path / "server.log") as client:
        client.initialize()
        client.vanish()
        assert client.process.wait(timeout=60) == 0
    assert "left before it had finished" in client.log.read_text()
    assert not (tmp_path / "run/ledger.sqlite").exists()


def test_a_request_can_be_cancelled_and_the_episode_goes_on(options: list[str], tmp_path: Path, home: Home) -> None:
    with started(options, tmp_path) as client:
        client.call("dojo_submit", files=SLOW, wait_s=0)
        time.sleep(1)
        begun = time.monotonic()
        assert client.call("dojo_wait", wait_s=1)["state"] == "running"
        assert time.monotonic() - begun < 10, "it answers when it has said so"
        refused = client.receive(client.begin("dojo_finish"))["result"]
        assert refused["isError"]
        assert "dojo_cancel" in refused["content"][0]["text"]
        # A call that its client gives up is not answered; what it waits for goes on.
        waiting = client.begin("dojo_wait", wait_s=600)
        client.notify("notifications/cancelled", requestId=waiting)
        assert client.call("dojo_cancel", wait_s=60)["state"] == "cancelled"
        assert client.call("dojo_status")["state"] == "your_turn"
        nothing = client.receive(client.begin("dojo_cancel"))["result"]
        assert "no request is in progress" in nothing["content"][0]["text"]
        spent = 600 - client.call("dojo_status")["remaining"]["wall_s"]
        assert spent > 1, "its time is charged"
        assert client.call("dojo_submit", files=FILES, wait_s=120)["state"] == "iteration"
        assert client.call("dojo_finish", wait_s=150)["state"] == "ended"
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["budget"]["submissions"] == 1
    assert verify(tmp_path / "run", home=home, progress=Silent()).ok


def test_a_client_that_signals_and_kills_pauses_the_run(options: list[str], tmp_path: Path) -> None:
    with started(options, tmp_path) as client:
        time.sleep(1)
        client.process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        client.process.send_signal(signal.SIGTERM)
        assert client.process.wait(timeout=60) == 130
    with Ledger(tmp_path / "run", writable=False) as ledger:
        (paused,) = ledger.events("paused")
    assert paused.payload["charge"]["wall_s"] >= 1, "its thinking is charged"


@pytest.mark.slow
def test_a_server_that_was_stopped_while_its_client_died_ends_when_it_goes_on(
    options: list[str], tmp_path: Path
) -> None:
    with started(options, tmp_path) as client:
        client.begin("dojo_submit", files=SLOW, wait_s=600)
        time.sleep(2)
        client.process.send_signal(signal.SIGSTOP)
        client.vanish()
        time.sleep(3)
        assert client.process.poll() is None
        client.process.send_signal(signal.SIGCONT)
        assert client.process.wait(timeout=20) == 0
    assert kinds(tmp_path / "run")[-1] == "paused"


@pytest.mark.slow
def test_a_server_that_is_killed_during_the_test_has_the_run_finished_and_the_agent_may_come_back(
    options: list[str], tmp_path: Path
) -> None:
    with started(options, tmp_path) as client:
        assert client.call("dojo_submit", files=FILES, wait_s=120)["state"] == "iteration"
        assert client.call("dojo_finish", wait_s=0)["state"] == "running"
        while_scored = client.call("dojo_status")
        assert while_scored["state"] == "scoring_test"
        assert "scored on test" in while_scored["stage"]
        assert client.call("dojo_feedback", iteration=1)["iteration"] == 1
        for refused in (client.begin("dojo_submit", files=FILES), client.begin("dojo_finish")):
            assert "is ending" in client.receive(refused)["result"]["content"][0]["text"]
        left = while_scored["remaining"]["wall_s"]
        client.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        client.process.kill()
    result = wait_for(tmp_path / "run/result.json")
    assert (result["outcome"], result["best"]["iteration"]) == ("scored", 1)
    assert 600 - result["budget"]["wall_s"] == pytest.approx(left, abs=2), "scoring test is not charged"
    wait_until_free(tmp_path / "run", 60)
    assert (tmp_path / "run/finish.log").is_file()

    with Stdio(options, tmp_path / "server.log") as client:
        client.initialize()
        assert client.until("ended")["result"]["ledger"] == result["ledger"]
        assert client.call("dojo_status")["iterations"].keys() == {"1"}
        assert client.call("dojo_feedback", iteration=1, level="training")["training"]["curve"]
        assert "has ended" in client.receive(client.begin("dojo_submit", files=FILES))["result"]["content"][0]["text"]
        client.vanish()
        assert client.process.wait(timeout=60) == 0
    assert (tmp_path / "run/report.html").is_file()


def test_a_client_that_dies_counts_as_finished_if_that_was_asked_for(options: list[str], tmp_path: Path) -> None:
    """What the server prints after that goes into a closed pipe, and does not end it."""
    with Stdio([*options, "--finish-when-left"], tmp_path / "server.log", to_pipe=True) as client:
        client.initialize()
        client.until("baseline")
        client.call("dojo_submit", files=FILES, wait_s=0)
        client.vanish()
        assert client.process.wait(timeout=200) == 0
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert (result["outcome"], result["best"]["iteration"]) == ("scored", 1)
    assert (tmp_path / "run/report.html").is_file()


def test_a_client_that_leaves_and_kills_counts_as_finished_if_that_was_asked_for(
    options: list[str], tmp_path: Path
) -> None:
    with started([*options, "--finish-when-left"], tmp_path) as client:
        client.process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        client.process.kill()
    result = wait_for(tmp_path / "run/result.json")
    assert result["outcome"] == "no_submission"


def test_a_run_that_cannot_begin_says_why_to_the_agent(options: list[str], tmp_path: Path) -> None:
    task, *rest = options
    with Stdio([task, *rest, "--data", "no-such-variant"], tmp_path / "server.log") as client:
        client.initialize()
        answer = client.receive(client.begin("dojo_wait", wait_s=60))["result"]
        assert answer["isError"]
        assert "no-such-variant" in answer["content"][0]["text"]
        client.vanish()
        assert client.process.wait(timeout=60) == 2


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_server_outlives_a_client_that_is_killed_at_any_moment() -> None:
    """benchmarks/orphans.py, in small."""
    command = [sys.executable, str(BENCHMARK), "--kills", "6", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["kills"], told["faults"]) == (6, [])
