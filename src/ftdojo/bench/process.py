"""One attempt at a job: ``ftdojo run`` as a process of its own, on any machine."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftdojo import child
from ftdojo.disk import disk_errors
from ftdojo.files import make_private, open_log

GRACE_S = 10.0
"""Seconds that an interrupted job has to end by itself."""
TAIL_CHARS = 400
"""Number of characters kept from the end of a job's output."""


@dataclass(frozen=True, slots=True)
class Start:
    """How an attempt is started."""

    arguments: Sequence[str]
    """Arguments of ``ftdojo``."""
    suite: Path
    """The folder of the suite, which contains the job's folder."""
    log: Path
    """File for the job's output. Its folder, which is the job's, is created."""
    deadline_s: float
    """An attempt that takes longer is considered hung."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended, with or without a result."""

    status: int | None
    """Exit status of the process, negative for a signal; ``None`` if its machine was lost."""
    why: str


class JobProcess:
    """A running attempt. It dies with the process that started it."""

    def __init__(self, start: Start, environment: Mapping[str, str] | None = None) -> None:
        """Start the job; ``environment`` is added to the environment of this process.

        Raises:
            InfrastructureError: if the log cannot be written.
        """
        self._start, self._begun, self._overdue = start, time.monotonic(), False
        with disk_errors(start.log.parent):
            make_private(start.log.parent)
            with open_log(start.log, keep=False) as stream:
                self._process = subprocess.Popen(
                    child.command(*child.module("ftdojo", *start.arguments)),
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(environment or {})},
                    start_new_session=True,  # the terminal's Ctrl-C reaches the suite alone, which passes it on
                )

    def poll(self) -> Ending | None:
        """Return how it ended, or ``None`` while it runs. A job that hangs is killed."""
        if self._process.poll() is None and time.monotonic() - self._begun > self._start.deadline_s:
            self._overdue = True
            self._kill()
        status = self._process.poll()
        if status is None:
            return None
        if self._overdue:
            how = "hung and was killed"
        else:
            how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return Ending(status, f"{how}: {_read_tail(self._start.log)}")

    @staticmethod
    def end(processes: Sequence[JobProcess]) -> None:
        """End all processes: first with SIGINT, then with SIGKILL."""
        for process in processes:
            process._signal(signal.SIGINT)
        deadline = time.monotonic() + GRACE_S
        for process in processes:
            try:
                process._process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process._kill()

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the job and its child processes."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)


def _read_tail(log: Path) -> str:
    """Return the end of the job's output as one line."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - 4 * TAIL_CHARS))
            words = " ".join(stream.read().decode("utf-8", "replace").split())
    except OSError as error:  # the folder of the job was removed: that ends the job, not the contest
        return f"{log.name} cannot be read: {error.strerror}"
    return words[-TAIL_CHARS:] or f"it wrote nothing to {log.name}"
