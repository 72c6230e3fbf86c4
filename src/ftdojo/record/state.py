"""The state of a run: the facts about it that fit on a line, from its events as they come.

A :class:`~ftdojo.record.history.History` keeps every event of a run. A :class:`RunState` keeps none, so its size does
not grow with the run: it is for programs that watch many runs, or one for hours.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ftdojo.contract.budget import Spent
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import Score, TrivialAnswers
from ftdojo.record.events import (
    RUN_EVENTS,
    AgentStopped,
    BaselineMeasured,
    BudgetExtended,
    IterationEnded,
    Recorded,
    RunBegun,
    RunEvent,
    RunFinished,
    parse,
)
from ftdojo.record.ledger import Ledger, is_running
from ftdojo.record.run_folder import LEDGER

BATCH = 200
"""Events that are read at once. One may have some hundred kilobytes."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What changes whenever the ledger of a run grows."""

    file: int
    """Another one if the run was replaced: the number of the ledger's file; 0 if there is none."""
    state: tuple[tuple[int, int], ...]
    """Times and sizes of its files."""

    @classmethod
    def of(cls, folder: Path) -> Signature:
        """Of the run in a folder. Nothing is read but the names."""
        found = []
        for end in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                found.append((folder / f"{LEDGER}{end}").lstat())
        # A reader makes an empty second file.
        return cls(found[0].st_ino if found else 0, tuple((f.st_mtime_ns, f.st_size) for f in found if f.st_size))


def read_new(folder: Path, after: int) -> list[Recorded[RunEvent]]:
    """Return the events of a run after the one with the number ``after``, at most :data:`BATCH`.

    Raises:
        FtdojoError: if the ledger cannot be read.
    """
    with Ledger(folder, writable=False) as ledger:
        return [parse(row, RUN_EVENTS) for row in ledger.events(after=after, limit=BATCH)]


def name_outcome(iteration: Iteration) -> str:
    """Return the outcome of an iteration in one word."""
    return "accepted" if iteration.accepted else "rejected" if iteration.score else "stopped"


class RunState:
    """What is known of a run after the events that were given to :meth:`take`."""

    def __init__(self) -> None:
        self.seq = 0
        """The number of the last event."""
        self.begun: RunBegun | None = None
        self.first_time = self.last_time = ""
        """Of the first and the last event: UTC, ISO 8601."""
        self.baseline: Score | None = None
        """The base model on validation."""
        self.trivial: TrivialAnswers | None = None
        """What answers without any training score on validation."""
        self.outcomes: Counter[str] = Counter()
        """Iterations by their outcome: ``accepted``, ``rejected`` or ``stopped``."""
        self.forgotten = 0
        """Iterations that were rejected because of a guard task."""
        self.best = 0
        self.best_score: Score | None = None
        """On validation: of the best iteration, or of the base model."""
        self.spent = Spent()
        self.last_charge = Spent()
        """Of the last iteration."""
        self.limits: dict[str, float | None] = {}
        self.stopped: AgentStopped | None = None
        self.outcome = ""
        """Of a finished run."""

    @property
    def iterations(self) -> int:
        """The number of iterations."""
        return self.outcomes.total()

    def take(self, recorded: Recorded[RunEvent]) -> None:
        """Take the next event."""
        self.seq, self.last_time = recorded.seq, recorded.time
        self.first_time = self.first_time or recorded.time
        self.spent += recorded.charge
        match event := recorded.event:
            case RunBegun():
                self.begun, self.limits = event, event.configuration.budget
            case BudgetExtended(budget=budget):
                self.limits = budget
            case BaselineMeasured(evaluation=evaluation, trivial=trivial):
                self.baseline = self.best_score = evaluation.score
                self.trivial = trivial
            case IterationEnded(iteration=iteration):
                self.outcomes[name_outcome(iteration)] += 1
                self.forgotten += iteration.result().forgotten
                self.last_charge = recorded.charge
                if iteration.accepted:
                    self.best, self.best_score = iteration.number, iteration.score
            case AgentStopped():
                self.stopped = event
            case RunFinished(result=result):
                self.outcome = result.outcome.replace("_", " ")

    def name_state(self, folder: Path) -> str:
        """Return the state in one word: the outcome of a finished run, else ``running`` or ``interrupted``."""
        return self.outcome or ("running" if is_running(folder) else "interrupted")
