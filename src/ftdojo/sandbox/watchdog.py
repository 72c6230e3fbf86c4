"""Watch one sandbox from start to end: drain its output, sample what it uses, kill it when it is over a limit.

All in the calling thread, so that the kernel's "die with the parent", which follows the *thread* that started the
process, holds for exactly as long as the run, and so that Ctrl-C arrives where it is dealt with.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from ftdojo.errors import InfrastructureError, PrerequisiteError
from ftdojo.sandbox import folder
from ftdojo.sandbox.limits import Limits, Stop
from ftdojo.sandbox.tail import Tail
from ftdojo.sandbox.usage import Processes, Usage

INTERVAL_S = 0.05
"""Between two samples; longer if a sample is slow, so that watching takes at most a fifth of a processor."""
BUILD_S = 10.0
"""A sandbox that is not built after this time, or not gone this long after a kill, is an error of the machine."""
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """How a run ended."""

    status: int
    """Exit status of the program, or 128 plus the number of the signal that ended it."""
    seconds: float
    """Wall clock, the building of the sandbox included."""
    peak_memory_bytes: int
    """The highest sample (see :class:`Limits`); 0 for a program that was gone before the first."""
    stopped: Stop | None
    """The limit for which it was killed, or ``None`` if it ended by itself."""
    output: str
    """The end of standard output and error, without control characters."""


def supervise(start: Callable[[int, int], subprocess.Popen[bytes]], limits: Limits, writable: int) -> Completed:
    """Start a sandbox and stay until every one of its processes is gone, whatever happens.

    Args:
        start: starts it, given a descriptor for its output and one for bubblewrap's JSON status lines.
        limits: of which wall clock, processor time, memory and folder are enforced here.
        writable: descriptor of the writable folder.

    Raises:
        PrerequisiteError: if the machine does not let bubblewrap build the sandbox.
    """
    output_read, output_write = os.pipe()
    status_read, status_write = os.pipe()
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, output_read)
        stack.callback(os.close, status_read)
        try:
            process = start(output_write, status_write)
        finally:
            os.close(output_write)
            os.close(status_write)
        watch = _Watch(process, limits, writable, Tail(limits.output_bytes), output_read)
        stack.callback(watch.close)
        watch.find_init(status_read)
        stopped = watch.until_over(began)
    report = _drain(status_read)
    ...
