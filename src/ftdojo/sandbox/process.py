"""A running sandbox: its bubblewrap process, its init, its output, and its guaranteed end."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ftdojo.errors import InfrastructureError, PrerequisiteError
from ftdojo.sandbox.remedy import Kernel, find_remedy
from ftdojo.sandbox.tail import Tail

PATIENCE_S = 10.0
"""If building a sandbox, or its end after a kill, takes longer, the machine is at fault."""
CHUNK = 64 * 1024
"""Bytes of output per read."""
KILLED = 128 + signal.SIGKILL
"""The exit status of a program that SIGKILL ended."""

Start = Callable[[int, int], "subprocess.Popen[bytes]"]
"""Starts bubblewrap with a descriptor for the program's output and one for bubblewrap's status lines."""


@contextlib.contextmanager
def start_sandbox(start: Start, tail: Tail) -> Iterator[Running]:
    """Start a sandbox. When the block is left (normally, by an error or by Ctrl-C), all its processes are gone.

    Raises:
        PrerequisiteError: if bubblewrap cannot build it on this machine.
        InfrastructureError: if it does not die.
    """
    with contextlib.ExitStack() as stack:
        output, output_end = os.pipe()
        reports_start, reports_end = os.pipe()
        stack.callback(os.close, output)
        reports = stack.enter_context(os.fdopen(reports_start, "rb"))
        try:
            process = start(output_end, reports_end)
        finally:
            os.close(output_end)
            os.close(reports_end)
        ended = os.pidfd_open(process.pid)
        stack.callback(os.close, ended)
        stack.callback(_kill, process, ended)
        first = _first_report(reports)
        if first is None:
            _kill(process, ended)
            raise _refusal(output, tail)
        init = _open_init(first)
        if init is not None:
            stack.callback(os.close, init)
            stack.callback(_kill_init, init)
        yield Running(process, first["child-pid"], ended, init, output, reports, tail)


class Running:
    """A sandbox that has been started; see :func:`start_sandbox`."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        init_pid: int,
        ended: int,
        init: int | None,
        output: int,
        reports: BinaryIO,
        tail: Tail,
    ) -> None:
        self.init_pid = init_pid
        self._process = process
        self._ended = ended
        self._init = init
        self._output = output
        self._reports = reports
        self._tail = tail
        self._open = True

    def wait(self, seconds: float) -> bool:
        """Wait at most ``seconds`` for output and read it once; return whether the program has ended."""
        ready = wait_readable([self._ended, *([self._output] if self._open else [])], seconds)
        if self._output in ready:
            self._read()
        return self._ended in ready

    def finish(self) -> int:
        """Kill what is left and read the last output; return the exit status.

        Raises:
            PrerequisiteError: if bubblewrap ended by itself before it had started the program.
            InfrastructureError: if it was killed from outside.
        """
        by_itself = bool(wait_readable([self._ended], 0))
        if self._init is not None:
            _kill_init(self._init)
        _kill(self._process, self._ended)
        while self._open and wait_readable([self._output], PATIENCE_S):
            self._read()
        status = self._process.returncode
        if by_itself and status < 0:
            raise InfrastructureError(
                f"bubblewrap was killed by signal {-status}, from outside the sandbox",
                fix="see the system's log: when memory runs out, the kernel kills sandboxes first",
            )
        if by_itself and b"exit-code" not in self._reports.read():
            raise _refusal(self._output, self._tail)
        return status if status >= 0 else 128 - status

    def _read(self) -> None:
        chunk = os.read(self._output, CHUNK)
        self._tail.add(chunk)
        self._open = bool(chunk)


def wait_readable(descriptors: list[int], seconds: float) -> set[int]:
    """Wait at most ``seconds`` until a descriptor is readable or closed; return those that are."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(seconds * 1000)}


def _first_report(reports: BinaryIO) -> dict[str, Any] | None:
    """Read bubblewrap's first status line: the pid of the init that it created, ``None`` if it created none."""
    line = reports.readline() if wait_readable([reports.fileno()], PATIENCE_S) else b""
    return json.loads(line) if line else None


def _open_init(report: dict[str, Any]) -> int | None:
    """A pid descriptor of the sandbox's init; ``None`` if it is gone (its pid may be reused by then)."""
    pid = report["child-pid"]
    try:
        init = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    with contextlib.suppress(FileNotFoundError):
        if Path(f"/proc/{pid}/ns/pid").stat().st_ino == report["pid-namespace"]:
            return init
    os.close(init)
    return None


def _kill_init(init: int) -> None:
    """Kill the init of a pid namespace, and so every process in it; return when the kernel has done so."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(init, signal.SIGKILL)
    if not wait_readable([init], PATIENCE_S):
        raise _make_survivor_error()


def _kill(process: subprocess.Popen[bytes], ended: int) -> None:
    """End bubblewrap itself. It reaps its init and ends soon after that has died; if not, it is killed."""
    if not wait_readable([ended], 1.0):
        process.kill()
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        raise _make_survivor_error() from None


def _make_survivor_error() -> InfrastructureError:
    return InfrastructureError("the processes of a sandbox did not die", fix="run ps and look for processes in state D")


def _refusal(output: int, tail: Tail) -> PrerequisiteError:
    while wait_readable([output], 0) and (chunk := os.read(output, CHUNK)):
        tail.add(chunk)
    message = tail.text().strip() or "no message"
    return PrerequisiteError(
        f"bubblewrap cannot build a sandbox here: {message}", fix=find_remedy(message, Kernel.read())
    )
