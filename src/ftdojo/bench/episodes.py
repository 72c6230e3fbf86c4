"""A finished job as the contest sees it, read from the job's own record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftdojo.bench.record import finished
from ftdojo.bench.suite import Job
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import RunResult
from ftdojo.errors import UsageError
from ftdojo.record import Ledger
from ftdojo.record.history import History
from ftdojo.tasks.spec import ItemScore

BLOCKED = frozenset({"evaluation_items"})
"""Codes of findings that stopped a submission from training on what it is judged by."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One finished job."""

    job: Job
    result: RunResult
    items: list[ItemScore]
    """The verdicts on the test items of the model that was handed in; none if it was disqualified."""
    course: list[tuple[float, float]]
    """Wall-clock seconds charged so far, and the validation score of the best model by then."""
    blocked: int
    """Submissions with rows that overlapped evaluation items."""


def read_episode(out: Path, job: Job) -> Episode | None:
    """The job's episode, or ``None`` if it has not finished.

    Raises:
        UsageError: if it was finished by a version that did not record the verdicts on test items.
    """
    if not finished(out, job):
        return None
    with Ledger(out / job.folder, writable=False) as ledger:
        history = History(ledger)
        result = history.finished
        assert result is not None, "a run records its result before it writes it"
        items, course = history.test_items, _course(ledger, history)
        made = zip(ledger.events("iteration"), history.iterations, strict=True)
        blocked = sum(_blocked(event.payload, iteration) for event, iteration in made)
    if not items and result.outcome != "disqualified":
        raise UsageError(
            f"{job.folder} was finished by a ftdojo that recorded no verdicts on single test items",
            fix="remove that folder and run the suite again",
        )
    return Episode(job, result, items.get("best", []), course, blocked)


def _course(ledger: Ledger, history: History) -> list[tuple[float, float]]:
    baseline = history.baseline
    assert baseline is not None
    course, spent, best = [], 0.0, baseline.score.value
    iterations = iter(history.iterations)
    for event in ledger.events():
        spent += event.payload.get("charge", {}).get("wall_s", 0.0)
        if event.kind == "iteration":
            iteration = next(iterations)
            best = iteration.score.value if iteration.accepted and iteration.score else best
        if event.kind in ("baseline", "iteration"):
            course.append((spent, best))
    return course


def _blocked(payload: Mapping[str, Any], iteration: Iteration) -> bool:
    findings = iteration.feedback.execution.findings
    return payload.get("overlap", 0) > 0 or any(finding.code in BLOCKED for finding in findings)
