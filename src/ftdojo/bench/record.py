"""The record of a suite: the suite itself, and the attempts at its jobs. The result of a job is in the job's own
record, so nothing is stored twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from ftdojo.bench.events import SUITE_EVENTS, AttemptBegun, AttemptEnded, SuiteBegun, SuiteEvent
from ftdojo.bench.suite import Job, Suite
from ftdojo.contract.configuration import versions
from ftdojo.disk import disk_errors
from ftdojo.errors import UsageError
from ftdojo.files import make_private, require_plain
from ftdojo.record import Ledger, RunFolder
from ftdojo.record.events import OtherEvent, parse


class SuiteRecord:
    """The suite's folder, open for writing. Use as a context manager: it holds the folder's lock."""

    def __init__(self, out: Path, suite: Suite) -> None:
        """Open or create the record.

        Raises:
            UsageError: if ``out`` holds results that must not be mixed with those of ``suite``.
        """
        self.out, self.suite = out.absolute(), suite
        with disk_errors(out):
            make_private(out)
        self._ledger = Ledger(out)
        try:
            self._begin()
        except BaseException:
            self._ledger.close()
            raise

    def _begin(self) -> None:
        now = SuiteBegun(suite=self.suite, version=versions()["ftdojo"])
        events = _events(self._ledger)
        self._attempts = Counter(event.job for event in events if isinstance(event, AttemptBegun))
        earlier = [event for event in events if isinstance(event, SuiteBegun)]
        differing = [line for before in earlier for line in _conflicts(before, now)]
        if differing:
            raise UsageError(
                f"{self.out} holds results of another suite:\n  " + "\n  ".join(dict.fromkeys(differing)),
                fix="give the changed budget or contestant a new name, or begin a new contest with another --out",
            )
        if not earlier or earlier[-1] != now:
            self._append(now)

    def finished(self, job: Job) -> bool:
        """Return whether a job has a result."""
        return finished(self.out, job)

    def attempts(self, job: Job) -> int:
        """Return how many attempts at the job were begun."""
        return self._attempts[job.folder]

    def begin_attempt(self, job: Job) -> int:
        """Record the beginning of an attempt, and return its number."""
        self._append(AttemptBegun(job=job.folder))
        self._attempts[job.folder] += 1
        return self.attempts(job)

    def end_attempt(self, job: Job, seconds: float, failure: str | None) -> None:
        """Record the end of an attempt, and why it failed if it did."""
        self._append(AttemptEnded(job=job.folder, seconds=seconds, failure=failure))

    def _append(self, event: SuiteEvent) -> None:
        self._ledger.append(event.kind, event.payload())

    def close(self) -> None:
        """Release the lock of the folder."""
        self._ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_suite(out: Path) -> bool:
    """Whether a folder holds the record of a suite (and not that of a run)."""
    if not RunFolder(out).ledger.is_file():
        return False
    with Ledger(out, writable=False) as ledger:
        return next(ledger.read(SuiteBegun.kind), None) is not None


def is_in_contest(run: Path) -> bool:
    """Whether a folder lies in that of a contest."""
    return any(is_suite(folder) for folder in run.absolute().parents)


def read(out: Path) -> tuple[Suite, dict[str, int], dict[str, str]]:
    """Read the last suite that was run in a folder, and by job folder the number of attempts and the failures.

    Raises:
        UsageError: if the folder holds no suite.
    """
    with Ledger(out, writable=False) as ledger:
        events = _events(ledger)
    suites = [event.suite for event in events if isinstance(event, SuiteBegun)]
    if not suites:
        raise UsageError(f"{out} holds no suite", fix="name a folder that `ftdojo bench` wrote")
    attempts = Counter(event.job for event in events if isinstance(event, AttemptBegun))
    return suites[-1], dict(attempts), _failures(events)


def durations(out: Path) -> dict[str, float]:
    """Return the seconds of the last attempt at every job, by the job's folder; empty if nothing was run in ``out``."""
    if not RunFolder(out).ledger.is_file():
        return {}
    with Ledger(out, writable=False) as ledger:
        return {event.job: event.seconds for event in _events(ledger) if isinstance(event, AttemptEnded)}


def finished(out: Path, job: Job) -> bool:
    """Return whether a job of the suite in ``out`` has a result: the file that a run writes last.

    Raises:
        UsageError: if the job's folder is a link.
    """
    folder = Path(job.folder)
    for parent in (folder, *folder.parents[:-1]):
        require_plain(out, others=[str(parent)])
    return RunFolder(out / job.folder).result.is_file()


def _events(ledger: Ledger) -> list[SuiteEvent | OtherEvent]:
    return [parse(row, SUITE_EVENTS).event for row in ledger.read()]


def _failures(events: Sequence[SuiteEvent | OtherEvent]) -> dict[str, str]:
    """Return why the last attempt at a job failed, by the job's folder, for attempts that ended in failure."""
    found: dict[str, str] = {}
    for event in events:
        if isinstance(event, AttemptBegun):
            found.pop(event.job, None)
        elif isinstance(event, AttemptEnded) and event.failure:
            found[event.job] = event.failure
    return found


def _conflicts(earlier: SuiteBegun, now: SuiteBegun) -> list[str]:
    """Return the conflicts of two suites: other rules, a budget or contestant with the same name and another content,
    or another version."""
    before, after = earlier.suite, now.suite
    pairs: list[tuple[str, object, object]] = [("ftdojo", earlier.version, now.version)]
    pairs.append(("rules", before.rules, after.rules))
    pairs += [(f"budgets.{n}", before.budgets[n], limits) for n, limits in after.budgets.items() if n in before.budgets]
    known = {contestant.name: contestant for contestant in before.agents}
    pairs += [(f"agent {c.name}", known[c.name], c) for c in after.agents if c.name in known]
    return [f"{name}: {old} there, {new} now" for name, old, new in pairs if old != new]
