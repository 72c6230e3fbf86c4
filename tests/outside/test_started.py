"""Agents that ftdojo starts itself: where they find their episode, and how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from ftdojo.errors import InfrastructureError, UsageError
from ftdojo.outside import StartedAgent, parse_command

URL = "http://127.0.0.1:1/secret/mcp"


class Ended:
    """Remembers how the agent ended."""

    def __init__(self) -> None:
        self.failure: InfrastructureError | None = None
        self.event = threading.Event()

    def __call__(self, failure: InfrastructureError | None) -> None:
        self.failure = failure
        self.event.set()


def test_it_finds_its_episode_in_its_environment_and_works_in_a_folder_of_its_own(tmp_path: Path) -> None:
    program = tmp_path / "agent.py"
    program.write_text(
        "import json, os, sys\nprint(json.dumps([os.environ['FTDOJO_MCP_URL'], os.environ['FTDOJO_WORKSPACE'],"
        " os.getcwd(), sys.argv[1:]]))"
    )
    ended = Ended()
    with StartedAgent(f"{sys.executable} {program} 'two words' $HOME", tmp_path, URL, ended):
        assert ended.event.wait(30)
    assert ended.failure is None
    place = str(tmp_path / "agent")
    assert json.loads((tmp_path / "agent.log").read_text()) == [URL, place, place, ["two words", "$HOME"]]


@pytest.mark.parametrize(
    ("code", "message"), [("raise SystemExit(3)", "status 3"), ("os.kill(os.getpid(), 9)", "signal 9")]
)
def test_an_end_that_is_no_success_is_told(tmp_path: Path, code: str, message: str) -> None:
    ended = Ended()
    with StartedAgent(f'{sys.executable} -c "import os; {code}"', tmp_path, URL, ended):
        assert ended.event.wait(30)
    assert ended.failure is not None
    assert message in ended.failure.message
    assert "agent.log" in ended.failure.fix


def test_its_whole_group_ends_with_the_episode(tmp_path: Path) -> None:
    program = tmp_path / "agent.py"
    program.write_text(
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN) if len(sys.argv) > 1 else None\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)\ntime.sleep(600)\n"
    )
    with StartedAgent(f"{sys.executable} {program}", tmp_path, URL, Ended()):
        deadline = time.monotonic() + 30
        while not (told := (tmp_path / "agent.log").read_text().strip()) and time.monotonic() < deadline:
            time.sleep(0.05)
    deadline = time.monotonic() + 10  # a killed process ends when it is scheduled next
    while _is_running(int(told)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_running(int(told))


def _is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_a_command_that_names_no_program_is_refused() -> None:
    for command in ("", "no-such-program", "echo 'open"):
        with pytest.raises(UsageError):
            parse_command(command)
    assert parse_command("echo a 'b c'")[1:] == ["a", "b c"]


def test_an_agent_that_fails_at_once_has_no_result(
    tmp_path: Path, approve: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The base model's score is not the result of an agent whose key was missing."""
    monkeypatch.setenv("FTDOJO_HOME", str(tmp_path / "home"))
    command = [sys.executable, "-m", "ftdojo", "mcp", str(approve), "--model", str(tiny_model), "--name", "broken"]
    command += ["--out", str(tmp_path / "run"), "--start", "false"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ), timeout=250)
    assert done.returncode == 3, done.stderr
    assert "the agent ended with status 1" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run/result.json").exists()
