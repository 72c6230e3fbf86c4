"""Run the missing jobs of a suite: a process each, as many at once as there are slots. One that fails sinks no other.

Every child dies with the suite, however that ends. What a job has finished is in its own record, so the same suite run
again adds only what is missing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ftdojo.bench.record import SuiteRecord
from ftdojo.bench.slots import Slot
from ftdojo.bench.suite import Job
from ftdojo.budget import parse_duration
from ftdojo.dojo import child
from ftdojo.dojo.progress import Progress
from ftdojo.record.disk import disk_errors

POLL_S = 0.1
GRACE_S = 10.0
"""An interrupted job has so long to end by itself."""
PATIENCE = 3.0
SLACK_S = 3600.0
"""A job that takes longer than ``PATIENCE`` times its wall-clock budget and ``SLACK_S`` is taken for hung. The test
lies outside the budget, and the last iteration may end after it."""
NOT_THE_MACHINE = (1, 2)
"""Exit statuses of ``ftdojo`` after which the same command would fail again."""
TOLD = 400
"""Characters of a failed job's last words that are recorded."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    job: Job
    slot: Slot
    process: subprocess.Popen[bytes]
    log: Path
    begun: float

    @property
    def overdue(self) -> bool:
        return time.monotonic() - self.begun > PATIENCE * parse_duration(self.job.limits.wall) + SLACK_S


def execute(record: SuiteRecord, slots: Sequence[Slot], progress: Progress) -> None:
    """Run every job that is not finished, jobs that failed before among them.

    Raises:
        KeyboardInterrupt: on Ctrl-C, when all children have ended.
    """
    jobs = record.suite.jobs()
    waiting = deque((job, record.suite.retries) for job in jobs if not record.finished(job))
    if len(waiting) < len(jobs):
        progress.say(f"{len(jobs) - len(waiting)} of {len(jobs)} jobs are finished already")
    running: dict[str, tuple[_Attempt, int]] = {}
    free = list(slots)
    try:
        while waiting or running:
            while waiting and free:
                job, retries = waiting.popleft()
                running[job.folder] = (_start(record, job, free.pop(0)), retries)
            _tell(progress, len(jobs) - len(waiting) - len(running), len(jobs), [r.job for r, _ in running.values()])
            time.sleep(POLL_S)
            for folder, (attempt, retries) in list(running.items()):
                if attempt.overdue:
                    _kill(attempt.process)
                if attempt.process.poll() is None:
                    continue
                del running[folder]
                free.append(attempt.slot)
                finished = _settle(record, attempt, progress)
                if not finished and retries and attempt.process.returncode not in NOT_THE_MACHINE:
                    waiting.append((attempt.job, retries - 1))
    finally:
        _end([attempt.process for attempt, _ in running.values()])
    progress.end("suite", f"{len(jobs)} jobs")


def _start(record: SuiteRecord, job: Job, slot: Slot) -> _Attempt:
    folder = record.out / job.folder
    attempt = record.begun(job)
    log = folder / f"attempt-{attempt}.log"
    program = [sys.executable, "-m", "ftdojo", *job.command(record.out)]
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, child.__file__, str(os.getpid()), *program],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **slot.environment},
                start_new_session=True,  # the terminal's Ctrl-C reaches the suite alone, which passes it on
            )
    return _Attempt(job, slot, process, log, time.monotonic())


def _settle(record: SuiteRecord, attempt: _Attempt, progress: Progress) -> bool:
    """Record how an attempt ended; whether it ended with a result."""
    seconds = time.monotonic() - attempt.begun
    finished = record.finished(attempt.job)
    status = attempt.process.returncode
    failure = None if finished else f"{_ending(attempt, status)}: {_last_words(attempt.log)}"
    record.ended(attempt.job, seconds, failure)
    progress.say(f"{attempt.job}: {failure or 'finished'} ({seconds:,.0f} s)")
    return finished


def _ending(attempt: _Attempt, status: int) -> str:
    if attempt.overdue:
        return "hung and was killed"
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def _last_words(log: Path) -> str:
    """The end of what the job wrote, as one line."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 4 * TOLD))
        words = " ".join(stream.read().decode("utf-8", "replace").split())
    return words[-TOLD:] or f"it wrote nothing to {log.name}"


def _tell(progress: Progress, done: int, total: int, running: Sequence[Job]) -> None:
    progress.update("suite", done, total, f"{done}/{total}; " + "; ".join(map(str, running)))


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End all children: first as Ctrl-C would, then for certain."""
    for process in processes:
        _signal(process, signal.SIGINT)
    deadline = time.monotonic() + GRACE_S
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a child and what it has started."""
    if process.poll() is None:
        os.killpg(process.pid, number)
