"""A finished job in the form that the contest needs, read from the job's own record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

from ftdojo.bench.suite import Job
from ftdojo.contract.methods import read_config
from ftdojo.contract.options import Teachers
from ftdojo.contract.result import RunResult
from ftdojo.contract.submission import TRAIN
from ftdojo.errors import UsageError
from ftdojo.record import Ledger, RunFolder
from ftdojo.record.events import (
    AgentStopped,
    BaselineMeasured,
    BudgetExtended,
    IterationEnded,
    RunBegun,
    RunFinished,
    TestScored,
)
from ftdojo.record.history import History
from ftdojo.tasks.spec import ItemScore

BLOCKED = frozenset({"evaluation_items"})
"""Codes of findings that stop a submission from training on evaluation items."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What one or more agents submitted."""

    iterations: int = 0
    improving: int = 0
    """Iterations whose model became the best."""
    rejected: int = 0
    """Submissions that a gate stopped."""
    blocked: int = 0
    """Submissions with rows that overlapped evaluation items."""
    prechecks: int = 0
    """Submissions that were checked for free."""
    precheck_hits: int = 0
    """Those of them with rows that overlapped evaluation items."""

    @classmethod
    def sum(cls, counts: Iterable[Counts]) -> Counts:
        """Return the counts of several episodes together."""
        return cls(*map(sum, zip(*map(astuple, counts), strict=True)))


@dataclass(frozen=True, slots=True)
class Episode:
    """One finished job."""

    job: Job
    result: RunResult
    """Without its iterations, of which ``counts`` says enough."""
    items: Sequence[ItemScore]
    """The verdicts on the test items of the best model; none if the run was disqualified."""
    course: list[tuple[float, float]]
    """Pairs of wall-clock seconds charged so far, and the validation score of the best model at that time."""
    counts: Counts
    trivial_items: Mapping[str, Sequence[ItemScore]]
    """Key of :attr:`TrivialAnswers.scores` -> the verdicts on the test items; none if they were not measured."""
    teachers: Teachers | None = None
    """The rule on the language models that its data programs called; ``None`` if it has no record of its own."""
    methods: tuple[str, ...] = ()
    """The training methods of the models that were evaluated, of those whose submissions are still there."""

    @property
    def ran(self) -> bool:
        """Whether it has a record of its own; false for a contestant that needs no training."""
        return self.teachers is not None

    def without_items(self) -> Episode:
        """Return the episode without the verdicts on single items, which are nearly all of its size."""
        return replace(self, items=(), trivial_items=dict.fromkeys(self.trivial_items, ()))


def read_episode(out: Path, job: Job) -> Episode:
    """Return the episode of a job that has finished.

    Raises:
        UsageError: if it was finished by a version that did not record the verdicts on test items.
    """
    with Ledger(out / job.folder, writable=False) as ledger:
        history = History(ledger)
        result = history.require(RunFinished).result
        items, course = history.test_items, _course(history)
        scored, stopped = history.first(TestScored), history.first(AgentStopped)
        changed = history.first(BudgetExtended) is not None or bool(stopped and stopped.by_owner)
        counts = _count(history, result)
        teachers = history.require(RunBegun).configuration.teachers
        methods = _methods(history, RunFolder(out / job.folder))
    if changed:
        raise UsageError(
            f"the owner of {job.folder} changed its budget or finished it early, so it cannot be compared",
            fix="remove that folder and run the suite again",
        )
    if not items and result.outcome != "disqualified":
        raise UsageError(
            f"{job.folder} was finished by a ftdojo that recorded no verdicts on single test items",
            fix="remove that folder and run the suite again",
        )
    return Episode(
        job,
        result.model_copy(update={"iterations": []}),
        items.get("best", []),
        course,
        counts,
        scored.trivial_items if scored else {},
        teachers=teachers,
        methods=methods,
    )


def _methods(history: History, folder: RunFolder) -> tuple[str, ...]:
    """Return the methods of the models that were evaluated, of those whose submissions are still there."""
    configs = [folder.submission(i.number) / TRAIN for i in history.iterations if i.score is not None]
    return tuple(sorted({read_config(path).method for path in configs if path.is_file()}))


def _course(history: History) -> list[tuple[float, float]]:
    course, spent, best = [], 0.0, history.require(BaselineMeasured).evaluation.score.value
    for recorded in history.events:
        event = recorded.event
        spent += recorded.charge.wall_s
        if isinstance(event, IterationEnded) and event.iteration.accepted and event.iteration.score:
            best = event.iteration.score.value
        if isinstance(event, BaselineMeasured | IterationEnded):
            course.append((spent, best))
    return course


def _count(history: History, result: RunResult) -> Counts:
    iterations, prechecks = result.iterations, history.prechecks
    return Counts(
        iterations=len(iterations),
        improving=sum(i.accepted for i in iterations),
        rejected=sum(i.validation is None for i in iterations),
        blocked=sum(_blocked(e.event) for e in history.events if isinstance(e.event, IterationEnded)),
        prechecks=len(prechecks),
        precheck_hits=sum(p.overlap > 0 for p in prechecks),
    )


def _blocked(event: IterationEnded) -> bool:
    findings = event.iteration.feedback.execution.findings
    return event.overlap > 0 or any(finding.code in BLOCKED for finding in findings)
