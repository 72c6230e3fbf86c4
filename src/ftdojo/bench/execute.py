"""Run the missing jobs of a suite, as many at once as the executor allows. A failed job does not affect the others.

The finished part of a job is in its own record, so running the same suite again adds only the missing parts.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from ftdojo.bench.process import Ending, Start
from ftdojo.bench.record import SuiteRecord
from ftdojo.bench.suite import Job
from ftdojo.contract.budget import parse_duration
from ftdojo.contract.progress import Progress
from ftdojo.plain import plural
from ftdojo.record import RunFolder

POLL_S = 0.1
PATIENCE = 3.0
SLACK_S = 3600.0
"""A job that takes longer than ``PATIENCE`` times its wall-clock budget and ``SLACK_S`` is considered hung. The test
is outside the budget, and the last iteration may end after it."""
NOT_THE_MACHINE = (1, 2)
"""Exit statuses of ``ftdojo`` after which the same command would fail in the same way."""


class Executor(AbstractContextManager["Executor"], Protocol):
    """Runs jobs. Leaving its context, normally or by an exception, ends the jobs that are still running."""

    @property
    def capacity(self) -> int:
        """How many jobs can run at once."""

    def start(self, start: Start) -> Hashable:
        """Start a job, and return what stands for this attempt; only called while fewer than ``capacity`` run."""

    def collect(self) -> Sequence[tuple[Hashable, Ending]]:
        """Return the attempts that have ended since the last call, and how."""


@dataclass(frozen=True, slots=True)
class _Running:
    job: Job
    retries: int
    begun: float


def execute(record: SuiteRecord, executor: Executor, progress: Progress) -> None:
    """Run every job that is not finished, including jobs that failed before.

    Raises:
        KeyboardInterrupt: on Ctrl-C; leave the executor's context to end the running jobs.
    """
    jobs = record.suite.jobs()
    waiting = deque((job, record.suite.retries) for job in jobs if not record.finished(job))
    if len(waiting) < len(jobs):
        progress.say(f"{len(jobs) - len(waiting)} of {plural(len(jobs), 'job')} finished already")
    running: dict[Hashable, _Running] = {}
    while waiting or running:
        room = executor.capacity - len(running) if waiting else 0
        for _ in range(min(room, len(waiting))):
            job, retries = waiting.popleft()
            running[executor.start(_start(record, job))] = _Running(job, retries, time.monotonic())
        _show_progress(progress, len(jobs) - len(waiting) - len(running), len(jobs), running)
        time.sleep(POLL_S)
        for attempt, ending in executor.collect():
            one = running.pop(attempt)
            finished = _settle(record, one, ending, progress)
            if not finished and one.retries and ending.status not in NOT_THE_MACHINE:
                waiting.append((one.job, one.retries - 1))
    progress.end("suite", plural(len(jobs), "job"))


def _start(record: SuiteRecord, job: Job) -> Start:
    return Start(
        arguments=job.command(record.out),
        suite=record.out,
        log=RunFolder(record.out / job.folder).attempt_log(record.begin_attempt(job)),
        deadline_s=PATIENCE * parse_duration(job.limits.wall) + SLACK_S,
    )


def _settle(record: SuiteRecord, one: _Running, ending: Ending, progress: Progress) -> bool:
    """Record how an attempt ended; return whether it has a result."""
    seconds = time.monotonic() - one.begun
    finished = record.finished(one.job)
    failure = None if finished else ending.why
    record.end_attempt(one.job, seconds, failure)
    progress.say(f"{one.job}: {failure or 'finished'} ({seconds:,.0f} s)")
    return finished


def _show_progress(progress: Progress, done: int, total: int, running: Mapping[Hashable, _Running]) -> None:
    shown = "; ".join(str(one.job) for one in islice(running.values(), 4))
    shown += f" and {len(running) - 4} more" if len(running) > 4 else ""
    progress.update("suite", done, total, f"{done}/{total}; {shown}")
