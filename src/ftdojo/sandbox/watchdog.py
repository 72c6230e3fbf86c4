"""Watch one sandbox from start to end: sample its resource use, stop it when it exceeds a limit.

Everything runs in the calling thread. The kernel's "die with the parent" follows the *thread* that started a process,
so it holds for exactly as long as the run; and Ctrl-C arrives in the thread that handles it.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

from ftdojo.errors import InfrastructureError
from ftdojo.sandbox import folder
from ftdojo.sandbox.limits import Limits, Stop, Watch
from ftdojo.sandbox.process import PATIENCE_S, Start, start_sandbox
from ftdojo.sandbox.tail import Tail
from ftdojo.sandbox.usage import Processes, Usage

INTERVAL_S = 0.05
"""Seconds between two samples; longer if a sample is slow, so that watching uses little processor time ..."""
LONGEST_INTERVAL_S = 0.25
"""... but never longer than this: a program can make samples slow on purpose."""
CONFIRM_S = 0.01
"""Seconds until memory above its limit is sampled again."""
STALL_S = 1.0
"""If a wait takes so much longer than it should, this process was stopped, and the program perhaps with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """The result of a run."""

    status: int
    """Exit status of the program, or 128 plus the number of the signal that ended it."""
    seconds: float
    """Wall-clock time, including the time to build the sandbox."""
    peak_memory_bytes: int
    """The highest sample (:class:`Limits` defines what is counted); 0 if the program ended before the first sample, and
    in a container, where no sample is taken."""
    stopped: Stop | None
    """The limit that the program exceeded, or ``None``."""
    output: str
    """The end of standard output and error, without control characters."""


def supervise(start: Start, limits: Limits, writable: int, watch: Watch | None = None) -> Completed:
    """Start a sandbox and return when it is gone; ``writable`` is a descriptor of its writable folder.

    ``watch`` is called with each sample.

    Raises:
        PrerequisiteError: if bubblewrap cannot build the sandbox on this machine.
        InfrastructureError: if it cannot be watched or does not end.
    """
    began = time.monotonic()
    tail = Tail(limits.output_bytes)
    with start_sandbox(start, tail) as running, contextlib.closing(Processes(running.init_pid, writable)) as processes:
        meter = _Meter(limits, processes, writable, began, watch)
        while (stopped := meter.verdict()) is None:
            pause, waited = meter.pause(), time.monotonic()
            if running.wait(pause):
                break
            meter.forgive(time.monotonic() - waited - pause)
        status = running.finish()
    if stopped is None and folder.is_over(writable, limits.folder_bytes):
        stopped = "folder"
    return Completed(
        status=status,
        seconds=time.monotonic() - began,
        peak_memory_bytes=meter.peak,
        stopped=stopped,
        output=tail.text(),
    )


class _Meter:
    """Takes samples when they are due and judges them."""

    def __init__(self, limits: Limits, processes: Processes, writable: int, began: float, watch: Watch | None) -> None:
        self.peak = 0
        self._limits = limits
        self._processes = processes
        self._writable = writable
        self._began = began
        self._watch = watch
        self._due = began
        self._seen = False
        self._suspected = False

    def verdict(self) -> Stop | None:
        """The limit that is exceeded now, if any."""
        now = time.monotonic()
        if now - self._began > self._limits.wall_s:
            return "wall"
        if now < self._due:
            return None
        over = self._judge(self._sample(now - self._began))
        done = time.monotonic()
        self._due = done + (
            CONFIRM_S if self._suspected else min(max(INTERVAL_S, 4 * (done - now)), LONGEST_INTERVAL_S)
        )
        return over

    def forgive(self, late_s: float) -> None:
        """Leave time in which this process was stopped out of the limit of wall-clock time: somebody may have stopped
        the whole run, which must not decide its result. A program cannot bring this about."""
        if late_s > STALL_S:
            self._began += late_s

    def pause(self) -> float:
        """Seconds until the verdict can change."""
        return max(0.0, min(self._due, self._began + self._limits.wall_s) - time.monotonic())

    def _sample(self, age: float) -> Usage:
        usage = self._processes.sample()
        if usage is None and not self._seen and age > PATIENCE_S:
            raise InfrastructureError("the processes of a sandbox cannot be watched", fix="run `ftdojo doctor`")
        self._seen = self._seen or usage is not None
        return usage or Usage()

    def _judge(self, usage: Usage) -> Stop | None:
        if self._memory_is_over(usage):
            return "memory"
        if usage.cpu_s > self._limits.cpu_s:
            return "cpu"
        if folder.is_over(self._writable, self._limits.folder_bytes - usage.unlinked_bytes):
            return "folder"
        return "caller" if self._watch is not None and self._watch() else None

    def _memory_is_over(self, usage: Usage) -> bool:
        """Whether two samples in a row exceed the limit. One is not enough: memory that is read before a fork, and
        again in the child, counts half as much again."""
        memory, limit = usage.memory_bytes, self._limits.memory_bytes
        if memory > limit:
            memory -= self._processes.measure_shared_bytes()
        over = memory > limit
        confirmed, self._suspected = over and self._suspected, over
        if confirmed or not over:
            self.peak = max(self.peak, memory)
        return confirmed
