"""The escape attempts that :mod:`ftdojo.sandbox.walls` runs inside a sandbox. Mounted alone: standard library only.

python attempts.py escape FACTS_JSON | memory BYTES | sleep SECONDS | fill BYTES
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

CLONE_NEWUSER = 0x10000000
PTRACE_TRACEME = 0


def escape(facts: Mapping[str, Any], only: Collection[str] = ()) -> dict[str, str | None]:
    """Try every wall (or those in ``only``); return name -> the error that stopped it, ``None`` if none did."""
    attempts: dict[str, Callable[[], object]] = {
        "network": lambda: socket.create_connection(("127.0.0.1", facts["port"]), timeout=2).close(),
        "abstract sockets": lambda: socket.socket(socket.AF_UNIX).connect("\0" + facts["socket"]),
        "outside files": lambda: Path(facts["secret"]).read_bytes(),
        "inputs": lambda: Path(facts["input"]).open("a").close(),
        "environment": lambda: _environment(set(facts["environment"])),
        "host processes": _processes,
        "kernel settings": lambda: os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY)),
        "user namespaces": _user_namespace,
        "debugging": _debug,
        "memory of init": lambda: Path("/proc/1/mem").open("rb+").close(),
        "hypervisor": lambda: socket.socket(socket.AF_VSOCK).close(),
        "processes": lambda: _fork(facts["processes"]),
        "file size": lambda: Path(facts["folder"], "large").write_bytes(bytes(facts["file_bytes"] + 1)),
    }
    return {name: _error(attempt) for name, attempt in attempts.items() if not only or name in only}


def _error(attempt: Callable[[], object]) -> str | None:
    try:
        attempt()
    except OSError as error:
        return f"{type(error).__name__}: {error.strerror or error}"
    return None


def _environment(allowed: set[str]) -> None:
    init = Path("/proc/1/environ").read_bytes().split(b"\0")
    names = set(os.environ) | {entry.partition(b"=")[0].decode() for entry in init if entry}
    if names <= allowed:
        raise OSError("nothing of the host in it")


def _processes() -> None:
    seen = {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    if seen == {1, os.getpid()}:
        raise OSError("none to be seen")


def _user_namespace() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _debug() -> None:
    if ctypes.CDLL(None, use_errno=True).ptrace(PTRACE_TRACEME, 0, None, None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _fork(count: int) -> None:
    for _ in range(count):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)


def memory(count: int) -> None:
    """Allocate ``count`` bytes, 8 MiB at a time, and hold them for 0.2 s."""
    held = [bytearray(os.urandom(1024)) * 8192 for _ in range(count // 2**23)]
    time.sleep(0.2)
    held.clear()


def main() -> None:
    """Run one attempt, as the module's docstring shows."""
    name, value = sys.argv[1:]
    if name == "escape":
        print(json.dumps(escape(json.loads(value))))  # noqa: T201 - walls.py reads this output
    elif name == "memory":
        memory(int(value))
    elif name == "sleep":
        time.sleep(float(value))
    elif name == "fill":
        for number in range(int(value) // 2**16):
            Path(str(number)).write_bytes(bytes(2**16))


if __name__ == "__main__":
    main()
