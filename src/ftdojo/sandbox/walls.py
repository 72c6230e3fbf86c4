"""Try every wall of the sandbox on this machine, each with a control that shows that the attempt is real."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ftdojo.errors import InfrastructureError
from ftdojo.sandbox import attempts
from ftdojo.sandbox.command import ENVIRONMENT
from ftdojo.sandbox.limits import MIB, Limits, Stop
from ftdojo.sandbox.runner import run
from ftdojo.sandbox.view import python
from ftdojo.sandbox.watchdog import Completed

_LIMITS = Limits(wall_s=20.0, memory_bytes=96 * MIB, processes=16, file_bytes=4 * MIB, folder_bytes=8 * MIB)
_CONTROLS = ("network", "abstract sockets", "outside files", "inputs")
"""Attempts that are also made outside, where they must succeed. The others would have an effect there."""
_DENIED = "PermissionError: Permission denied"


@dataclass(frozen=True, slots=True)
class Wall:
    """The result of one attempt: ``ok`` if the wall held and its control got through."""

    name: str
    ok: bool
    detail: str


def require() -> None:
    """Build one sandbox, and run nothing of interest in it.

    Raises:
        PrerequisiteError: if none can be built here.
    """
    with tempfile.TemporaryDirectory(prefix="ftdojo-probe-") as folder:
        run(["true"], read_only={}, writable=(Path(folder), "/output"), limits=_LIMITS)


def probe() -> list[Wall]:
    """Try all walls; takes about two seconds.

    Raises:
        PrerequisiteError: if no sandbox can be built here at all.
    """
    return [
        *_escapes(),
        _limit("memory", "memory", ("memory", f"{160 * MIB}"), ("memory", f"{32 * MIB}"), _LIMITS),
        _limit("wall clock", "wall", ("sleep", "20"), ("sleep", "0.1"), Limits(wall_s=1.5)),
        _limit("folder size", "folder", ("fill", f"{16 * MIB}"), ("fill", f"{2 * MIB}"), _LIMITS),
    ]


def _escapes() -> list[Wall]:
    with _targets() as facts:
        controls = attempts.escape(facts, only=_CONTROLS)
        completed = _attempt("escape", json.dumps(facts), inputs=Path(str(facts["input"])).parent)
    if completed.status != 0:
        raise InfrastructureError(f"the attempts on the sandbox failed: {completed.output}")
    stopped_by: dict[str, str | None] = json.loads(completed.output)
    return [_wall(name, error, controls.get(name)) for name, error in stopped_by.items()]


def _wall(name: str, error: str | None, control: str | None) -> Wall:
    if control is not None:
        return Wall(name, False, f"not proven: the control outside failed too ({control})")
    if error is None:
        return Wall(name, False, "the attempt got through")
    # Any other error here could hide that the kernel treats the program as root.
    return Wall(name, name != "kernel settings" or error == _DENIED, error)


def _limit(name: str, stop: Stop, over: tuple[str, str], within: tuple[str, str], limits: Limits) -> Wall:
    """Check that a program above a limit is stopped for it, and that the same program below it succeeds."""
    excess, honest = _attempt(*over, limits=limits), _attempt(*within, limits=limits)
    ok = excess.stopped == stop and honest.stopped is None and honest.status == 0
    outcome = f"stopped after {excess.seconds:.1f} s" if excess.stopped == stop else f"not stopped ({excess.stopped})"
    return Wall(name, ok, f"{outcome}; below the limit: status {honest.status}")


def _attempt(name: str, value: str, *, limits: Limits = _LIMITS, inputs: Path | None = None) -> Completed:
    with tempfile.TemporaryDirectory(prefix="ftdojo-probe-") as folder:
        return run(
            [python(), "-I", "-B", "/program/attempts.py", name, value],
            read_only={Path(attempts.__file__): "/program/attempts.py"} | ({inputs: str(inputs)} if inputs else {}),
            writable=(Path(folder), "/output"),
            limits=limits,
        )


@contextlib.contextmanager
def _targets() -> Iterator[dict[str, object]]:
    """Create host resources that a program must not reach; yield them and the limits to try."""
    with (
        tempfile.TemporaryDirectory(prefix="ftdojo-secret-") as folder,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        secret, inputs = Path(folder, "secret"), Path(folder, "inputs")
        secret.write_text("secret", "utf-8")
        inputs.mkdir()
        (inputs / "data").touch()
        (inputs / "data").chmod(0o666)  # so that only the mount prevents writing
        name = f"ftdojo-probe-{os.getpid()}-{secret.stat().st_ino}"
        abstract.bind(f"\0{name}")
        abstract.listen()
        yield {
            "port": server.getsockname()[1],
            "socket": name,
            "secret": str(secret),
            "input": str(inputs / "data"),
            "environment": [*ENVIRONMENT, "PWD"],
            "processes": _LIMITS.processes,
            "folder": "/output",
            "file_bytes": _LIMITS.file_bytes,
        }
