"""A child process that answers requests within limits of time and memory, for programs by strangers that must not hold
or fill this process: templates.

A request and its answer are JSON objects, one a line. The child starts with the first request, and ends when the object
is collected or this process ends.
"""

from __future__ import annotations

import contextlib
import json
import resource
import select
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any

CPU_S = 3600
"""Of a child, for all requests: a child whose parent was killed ends by this."""
STARTS = 2
"""A child that has ended is started anew once: it may be another program that ended it."""


class LimitError(Exception):
    """The child has not answered in time, or has ended; it answers no more."""


class Worker:
    """A child process that runs a Python file, which calls :func:`answer_requests`.

    The file is not run as a module of its package: the package's other modules would be imported first.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._failed = False

    def ask(self, request: Mapping[str, Any], deadline_s: float) -> dict[str, Any]:
        """Return the answer to a request.

        Raises:
            LimitError: if there is none within the deadline, now or to an earlier request.
        """
        with self._turn:
            text = json.dumps(request, default=lambda _: None).encode() + b"\n"
            for _ in range(STARTS):
                if self._failed:
                    break
                process = self._process = self._process or self._start()
                if line := self._exchange(process, text, deadline_s):
                    answer: dict[str, Any] = json.loads(line)
                    return answer
                _end(process)
                self._process = None
            self._failed = True
            raise LimitError

    def _exchange(self, process: subprocess.Popen[bytes], request: bytes, deadline_s: float) -> bytes:
        """Return the child's answer; empty if it has ended, or has not answered in time, which is final."""
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(request)
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], deadline_s)
        except OSError:
            return b""
        self._failed = not ready
        return process.stdout.readline() if ready else b""

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-P", self._file],  # -P: names next to the file do not hide those of libraries
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal is for this process, which may still need the child
        )
        weakref.finalize(self, _end, process)
        return process


def answer_requests(
    answer: Callable[[dict[str, Any]], dict[str, Any]], *, memory_bytes: int, cpu_s: int = CPU_S
) -> None:
    """Answer the requests on standard input within these limits. Called in the child."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    for line in sys.stdin.buffer:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # of a request that the child has not read
                pipe.close()
