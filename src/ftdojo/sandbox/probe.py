"""Prove each wall of the sandbox by running against it: what ``ftdojo doctor`` shows."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ftdojo.sandbox.bubblewrap import Completed, python, run
from ftdojo.sandbox.limits import MIB, Limits

_ATTEMPTS = r"""
import ctypes, json, os, socket, sys
def attempt(action):
    try:
        return ["open", str(action())[:80]]
    except BaseException as error:
        return ["closed", f"{type(error).__name__}: {error}"[:80]]
def unshare():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "made a user namespace"
def host_processes():
    pids = [p for p in os.listdir("/proc") if p.isdigit()]
    if len(pids) <= 4:
        raise PermissionError(f"sees {len(pids)} processes, all its own")
    return pids
def environment():
    found = [n for n in os.environ if n == "FTDOJO_PROBE_SECRET"]
    if not found:
        raise KeyError("the secret is not there")
    return found
print(json.dumps({
    "network": attempt(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[1])), 2)),
    "files outside": attempt(lambda: open(sys.argv[2]).read()),
    "environment": attempt(environment),
    "host processes": attempt(host_processes),
    "kernel settings": attempt(lambda: open("/proc/sys/kernel/core_pattern", "w")),
    "nested namespaces": attempt(unshare),
    "read-only inputs": attempt(lambda: open("/input/new", "w")),
    "ftdojo itself": attempt(lambda: __import__("ftdojo")),
}))
"""
_EXCESSES = {
    "time": "import time; time.sleep(60)",
    "memory": "x = bytearray(300 * 2**20)",
    "folder size": "for i in range(90): open(f'/output/{i}', 'wb').write(b'x' * 2**20)\nimport time; time.sleep(60)",
    "processes": "import os, time\nfor _ in range(200): os.fork() or time.sleep(60)",
    "file size": "open('/output/big', 'wb').write(b'x' * (64 * 2**20))",
}
_TIGHT = Limits(wall_s=3, memory_bytes=200 * MIB, processes=32, file_bytes=32 * MIB, folder_bytes=80 * MIB)


@dataclass(frozen=True, slots=True)
class Wall:
    """One wall, and what happened to a program that ran against it."""

    name: str
    ok: bool
    detail: str


def probe() -> list[Wall]:
    """Run against every wall. A wall is ``ok`` only if the attempt was made and failed.

    Raises:
        PrerequisiteError: if the sandbox cannot be built at all.
    """
    import socket

    os.environ["FTDOJO_PROBE_SECRET"] = "not to be seen"  # noqa: S105
    try:
        with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0)) as server:
            secret = Path(name, "secret")
            secret.write_text("secret")
            completed = _run(_ATTEMPTS, Limits(wall_s=30), str(server.getsockname()[1]), str(secret))
    finally:
        del os.environ["FTDOJO_PROBE_SECRET"]
    if completed.status != 0:
        return [Wall("start", False, completed.output.strip()[-200:])]
    results = json.loads(completed.output.splitlines()[-1])
    walls = [Wall(name, state == "closed", detail) for name, (state, detail) in results.items()]
    return walls + [_limit(name, program) for name, program in _EXCESSES.items()]


def _limit(name: str, program: str) -> Wall:
    """Whether a program that goes past a limit is ended, by the watchdog or by the kernel."""
    completed = _run(program, _TIGHT)
    ended = completed.status != 0
    how = f"stopped by the watchdog ({completed.stopped})" if completed.stopped else f"status {completed.status}"
    return Wall(f"limit on {name}", ended, f"{how} after {completed.seconds:.1f} s")


def _run(program: str, limits: Limits, *arguments: str) -> Completed:
    with tempfile.TemporaryDirectory() as name:
        source, output = Path(name, "input"), Path(name, "output")
        source.mkdir()
        output.mkdir()
        (source / "probe.py").write_text(program)
        return run(
            [python(), "/input/probe.py", *arguments],
            read_only={source: "/input"},
            writable=(output, "/output"),
            limits=limits,
        )
