"""Episodes of outside agents on disks that are full or read-only, and in a cache of another user: the agent and the
owner are told, and the same command goes on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from ftdojo.audit import verify
from ftdojo.contract.progress import Silent
from ftdojo.record import Home
from machine import OVER_OTHERS, full, give_away, needs_mount, needs_users, read_only, with_disk, without_powers
from stdio_client import FILES, Stdio

FAULTS: dict[str, tuple[Callable[[Path], AbstractContextManager[None]], str]] = {
    "full": (full, "no space left"),
    "read-only": (read_only, "Read-only file system"),
}


def reply(client: Stdio, tool: str, **arguments: Any) -> dict[str, Any]:
    """Call a tool, and return its answer or the error."""
    return dict(client.receive(client.begin(tool, **arguments))["result"])


@needs_mount
@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_an_agent_is_told_of_the_disk_and_the_same_command_goes_on(
    fault: str, options: list[str], tmp_path: Path, home: Home
) -> None:
    (disk := tmp_path / "disk").mkdir()
    run = disk / "run"
    options[options.index("--out") + 1] = str(run)
    broken, told = FAULTS[fault]

    def play() -> None:
        with Stdio(options, tmp_path / "server.log") as client:
            client.initialize()
            client.until("baseline")
            with broken(disk):
                answer = reply(client, "dojo_submit", files=FILES, wait_s=120)
                assert answer["isError"], answer
                assert told in answer["content"][0]["text"]
                client.vanish()
                assert client.process.wait(timeout=60) == 3
        said = client.log.read_text()
        assert told in said
        assert "Traceback" not in said, said

        with Stdio(options, tmp_path / "server.log") as client:
            client.initialize()
            client.until("baseline")
            assert client.call("dojo_submit", files=FILES, wait_s=120)["state"] == "iteration"
            assert client.call("dojo_finish", wait_s=150)["state"] == "ended"
            client.vanish()
            assert client.process.wait(timeout=60) == 0
        assert json.loads((run / "result.json").read_text())["best"]["iteration"] == 1
        assert (run / "report.html").is_file()
        assert verify(run, home=home, progress=Silent()).ok

    with_disk(disk, "size=24m", play)


@needs_mount
@pytest.mark.slow
@pytest.mark.parametrize("broken", [full, read_only])
def test_a_server_that_cannot_write_its_address_says_so(
    broken: Callable[[Path], AbstractContextManager[None]], options: list[str], tmp_path: Path
) -> None:
    (disk := tmp_path / "disk").mkdir()
    options[options.index("--out") + 1] = str(disk / "run")

    def begin() -> None:
        with broken(disk):
            for more in (["--http", "0"], ["--start", shutil.which("true") or ""]):
                command = [sys.executable, "-m", "ftdojo", "mcp", *options, *more]
                done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
                assert (done.returncode, "Traceback" in done.stderr) == (3, False), done.stderr

    with_disk(disk, "size=1m", begin)


@needs_users
@pytest.mark.slow
@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_a_cache_of_another_user_is_told_as_such(mode: int, options: list[str], tmp_path: Path) -> None:
    """Nothing of it can be read; or the folder alone, and none of the stages."""
    theirs = tmp_path / "theirs"
    command = [sys.executable, "-m", "ftdojo", "run", *options[:-2], "--agent", "base", "--json"]

    def run(name: str, *, plain: bool = False) -> subprocess.CompletedProcess[str]:
        words: list[object] = [*command, "--out", tmp_path / name]
        env = {"FTDOJO_HOME": str(theirs), "PATH": "/usr/bin:/bin"}
        done = without_powers(OVER_OTHERS, words) if plain else list(map(str, words))
        return subprocess.run(done, capture_output=True, text=True, check=False, timeout=200, env=env)

    assert run("first").returncode == 0
    give_away(theirs)
    theirs.chmod(mode)
    refused = run("second", plain=True)
    assert (refused.returncode, "Traceback" in refused.stderr) == (3, False), refused.stderr
    error = json.loads(refused.stdout.splitlines()[-1])["error"]
    assert "FTDOJO_HOME" in error["fix"], error
    assert not (tmp_path / "second/result.json").exists()
