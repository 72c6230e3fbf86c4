"""No process outlives its run, however it ends. Real runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox_fixtures import Alive, Execute

DAEMON = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        open("/output/daemon", "w")
        time.sleep(60)
    os._exit(0)
while not os.path.exists("/output/daemon"):
    time.sleep(0.01)
"""

CALLER = """
import sys
from pathlib import Path
from ftdojo import sandbox
inputs, output, marker = sys.argv[1:4]
try:
    sandbox.run([sandbox.python(), "/program/program.py", "marker-" + marker],
                read_only={Path(inputs): "/program"}, writable=(Path(output), "/output"))
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.stdin.read()
"""


def test_a_daemon_dies_with_the_program(execute: Execute, alive: Alive, output: Path) -> None:
    completed = execute(DAEMON)
    assert (completed.status, completed.stopped) == (0, None)
    assert (output / "daemon").exists()
    assert alive() == []


@pytest.fixture
def caller(inputs: Path, output: Path, marker: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits for a sandboxed program with a daemon, both of which have started."""
    (inputs / "program.py").write_text(DAEMON + "\ntime.sleep(60)", "utf-8")
    arguments = [str(inputs), str(output), marker.removeprefix("marker-")]
    with subprocess.Popen(
        [sys.executable, "-c", CALLER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 20
        while not (output / "daemon").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        yield process
        process.kill()


def test_ctrl_c_leaves_no_process(caller: subprocess.Popen[bytes], alive: Alive) -> None:
    assert len(alive()) >= 4  # bubblewrap, its init, the program, its daemon
    caller.send_signal(signal.SIGINT)
    assert caller.stdout is not None
    assert caller.stdout.readline() == b"interrupted\n"
    assert alive() == []


def test_kill_9_of_the_caller_leaves_no_process(caller: subprocess.Popen[bytes], alive: Alive) -> None:
    assert len(alive()) >= 4
    caller.kill()
    caller.wait()
    deadline = time.monotonic() + 2
    while alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert alive() == []


def test_a_sandbox_whose_parent_is_dead_already_does_not_start(tmp_path: Path) -> None:
    from ftdojo.sandbox.command import add_guard
    from ftdojo.sandbox.tools import find_tools

    trace = tmp_path / "ran"
    for parent, ran in ((os.getppid(), False), (os.getpid(), True)):
        command = add_guard(["/usr/bin/touch", str(trace)], tools=find_tools(), parent=parent, uid=None)
        subprocess.run(command, check=False)
        assert trace.exists() is ran


def test_no_descriptors_are_left_open(execute: Execute) -> None:
    execute("pass")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        execute("pass")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
