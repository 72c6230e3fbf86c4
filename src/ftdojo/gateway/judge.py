"""Score pairs from a data program in a separate process: they may be made to crash or hang a scorer, or fill memory.

    python -m ftdojo.gateway.judge TASK VARIANT

reads ``{"items": [...], "outputs": [...]}`` lines and answers each with a line of verdicts. It ends when its standard
input ends or at a limit of processor time or memory; after a limit it is started again for the next pairs.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import IO, Any, Self

from ftdojo import child
from ftdojo.errors import FtdojoError, InfrastructureError

WALL_S = 120.0
"""Wall-clock limit for the pairs of one request."""
CPU_S = 60
MEMORY_BYTES = 4 * 2**30
"""Limit of address space."""
READY = "ready"
ENVIRONMENT = (
    *("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "FTDOJO_HOME", "FTDOJO_DATA", "FTDOJO_SANDBOX"),
    *("DOCKER_HOST", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"),  # for clients of container engines
)
"""Environment variables that the process inherits: no keys."""


class Judge:
    """The scorer of one task, one request at a time. The first request starts the process. Use as a context manager."""

    def __init__(self, task: str, variant: str) -> None:
        self._command = child.module("ftdojo.gateway.judge", task, variant)
        self._turn = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._complaints: IO[str] | None = None
        self._over = False

    def __call__(self, items: Sequence[dict[str, Any]], outputs: Sequence[str]) -> list[dict[str, Any]]:
        """Score pairs. Each verdict has ``score`` in the metric's own unit, ``parsed``, and ``error`` (``None`` if
        right). Pairs that the scorer cannot process have the error ``unscorable: …``.

        Raises:
            InfrastructureError: if the process cannot be started.
        """
        with self._turn:
            pairs = json.dumps({"items": items, "outputs": outputs})
            line = "" if self._over else self._exchange(self._running(), pairs)
            if not line:
                self._end()
                return [_unscorable("scoring took too long, took too much memory, or crashed")] * len(items)
        verdicts: list[dict[str, Any]] = json.loads(line)
        return verdicts

    def _running(self) -> subprocess.Popen[str]:
        if self._process is not None:
            return self._process
        pipe = subprocess.PIPE
        # A file, because a process that prints a lot would block on a pipe that is not read.
        self._complaints = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            self._command,
            stdin=pipe,
            stdout=pipe,
            stderr=self._complaints,
            encoding="utf-8",
            env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
            start_new_session=True,  # Ctrl-C reaches only the caller, which then ends this process
        )
        if self._exchange(self._process, None) != READY:
            self._process.kill()
            self._complaints.seek(0)
            problem = self._complaints.read().strip()[-800:]
            self._end()
            raise InfrastructureError(f"the scorer's process does not start: {problem}", fix="run `ftdojo doctor`")
        return self._process

    def _exchange(self, process: subprocess.Popen[str], line: str | None) -> str:
        """Write a line and read one; empty if the process ends, or takes too long and is killed."""
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(WALL_S, process.kill)
        timer.start()
        try:
            if line is not None:
                process.stdin.write(line + "\n")
                process.stdin.flush()
            return process.stdout.readline().rstrip("\n")
        except BrokenPipeError:
            return ""
        finally:
            timer.cancel()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):  # data of unread pairs is still in the buffer
                    assert stream is not None
                    stream.close()
        if self._complaints is not None:
            self._complaints.close()
        self._process = self._complaints = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # No caller waits for a verdict any more.
        self._over = True
        if (process := self._process) is not None:
            process.kill()
        with self._turn:
            self._end()


def _unscorable(why: str) -> dict[str, Any]:
    return {"score": 0.0, "parsed": False, "error": f"unscorable: {why[:300]}"}


def main() -> None:
    """Run the scoring process, as the module's docstring describes."""
    from ftdojo import tasks
    from ftdojo.sandbox.user_code import run_user_code

    # Output of a scorer's libraries must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    name, variant = sys.argv[1:]
    try:
        _, task = tasks.get(name, runner=run_user_code).variant(variant)
    except FtdojoError as error:
        raise SystemExit(str(error)) from None
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    print(READY, file=answers, flush=True)
    for line in sys.stdin:
        pairs = json.loads(line)
        items = [{"id": str(number), **item} for number, item in enumerate(pairs["items"])]
        used = resource.getrusage(resource.RUSAGE_SELF)
        # This limit also ends a process whose parent was killed.
        soft = int(used.ru_utime + used.ru_stime) + CPU_S
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
        print(json.dumps(_verdicts(task.scorer, items, pairs["outputs"])), file=answers, flush=True)


def _verdicts(scorer: Any, items: list[dict[str, Any]], outputs: list[str]) -> list[dict[str, Any]]:
    """Score all pairs together, or one by one if the scorer fails on some."""
    try:
        return [
            {"score": s.score if math.isfinite(s.score) else 0.0, "parsed": bool(s.parsed), "error": s.error}
            for s in scorer.score(items, outputs)
        ]
    except Exception as error:  # noqa: BLE001 - a hostile item can raise anything; it is reported to the program
        if len(items) == 1:
            return [_unscorable(f"{type(error).__name__}: {error}")]
        return [v for item, output in zip(items, outputs, strict=True) for v in _verdicts(scorer, [item], [output])]


if __name__ == "__main__":
    main()
