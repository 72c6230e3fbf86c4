"""The history of a run: every fact about its past, derived from the ledger event by event."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ftdojo.contract.budget import Spent
from ftdojo.contract.call import DATA_PROGRAM, Call, is_judges, is_planners
from ftdojo.contract.configuration import Configuration
from ftdojo.contract.feedback import EvaluationFeedback
from ftdojo.contract.protocol import Iteration, Probe
from ftdojo.contract.result import RunOutcome, RunResult, Score
from ftdojo.errors import InfrastructureError, UsageError
from ftdojo.record.events import (
    RUN_EVENTS,
    AgentStopped,
    BaselineMeasured,
    BudgetExtended,
    IterationEnded,
    LedgerEvent,
    LlmCalled,
    ProbeEnded,
    Recorded,
    RunBegun,
    RunDisqualified,
    RunEvent,
    RunFinished,
    SubmissionPrechecked,
    TestScored,
    malformed,
    parse,
)
from ftdojo.record.ledger import Ledger
from ftdojo.tasks.spec import ItemScore

E = TypeVar("E", bound=LedgerEvent)


def list_ancestors(iterations: Sequence[Iteration], start: int | None) -> list[Iteration]:
    """Return the iteration ``start``, the one that it started from, and so on; none for the base model."""
    found: list[Iteration] = []
    while start is not None:
        found.append(iterations[start - 1])
        start = found[-1].start
    return found


def _is_evaluated(iterations: Sequence[Iteration], number: int) -> bool:
    return 0 < number <= len(iterations) and iterations[number - 1].evaluated


class History:
    """A typed view of a run's ledger: :mod:`ftdojo.record.events` lists the events.

    They come in this order: ``configuration``, ``baseline``; many of ``llm_call``, ``precheck``, ``probe``,
    ``paused``, ``budget_extended`` and ``iteration``; ``stopped``, ``test_opened``, ``test_scored`` or
    ``disqualified``, ``finished``. Every property raises an :class:`InfrastructureError` if an event is malformed.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.followers: list[Callable[[RunEvent], None]] = []  # called with every event after it was written
        self._turn = threading.Lock()
        self._seen = 0
        self._events: list[Recorded[RunEvent]] = []
        self._first: dict[type[LedgerEvent], RunEvent] = {}
        self._iterations: list[Iteration] = []
        self._probes: list[Probe] = []
        self._prechecks: list[SubmissionPrechecked] = []
        self._calls: list[list[Call]] = [[]]
        self._best = 0
        self._spent = Spent()
        self._budget: dict[str, float | None] = {}

    def append(self, event: RunEvent) -> None:
        """Write one event; when this returns, it survives a crash."""
        self._ledger.append(event.kind, event.payload())
        for follower in self.followers:
            follower(event)

    @property
    def events(self) -> list[Recorded[RunEvent]]:
        """All events in order."""
        return list(self._read()._events)

    def first(self, kind: type[E]) -> E | None:
        """Return the first event of a kind, if there is one."""
        event = self._read()._first.get(kind)
        return event if isinstance(event, kind) else None

    def require(self, kind: type[E]) -> E:
        """Return the first event of a kind that the record must have.

        Raises:
            InfrastructureError: if there is none.
        """
        event = self.first(kind)
        if event is None:
            raise InfrastructureError(
                f"the ledger has no event '{kind.kind}'",
                fix="run the same command again, or restore the run from a copy",
            )
        return event

    @property
    def configuration(self) -> Configuration | None:
        """The configuration that the run began with."""
        begun = self.first(RunBegun)
        return begun.configuration if begun else None

    def require_same(self, now: Configuration, place: Path) -> None:
        """Raise a :class:`UsageError` unless the run in ``place`` began with the configuration ``now``."""
        begun = self.require(RunBegun).configuration
        begun.model_copy(update={"budget": self.budget}).require_same(now, place)
        recorded = self._ledger.events(RunBegun.kind)[0].payload["configuration"]
        if unknown := sorted(recorded.keys() - Configuration.model_fields.keys()):
            raise UsageError(
                f"the run in {place} began with options that this ftdojo does not know: {', '.join(unknown)}",
                fix="upgrade ftdojo to resume it",
            )

    @property
    def budget(self) -> dict[str, float | None]:
        """The limits in force: those that the run began with, unless its owner has extended them."""
        return self._read()._budget

    @property
    def baseline(self) -> EvaluationFeedback | None:
        """The validation feedback of the base model."""
        measured = self.first(BaselineMeasured)
        return measured.evaluation if measured else None

    @property
    def iterations(self) -> list[Iteration]:
        """All finished iterations."""
        return list(self._read()._iterations)

    @property
    def probes(self) -> list[Probe]:
        """All probes of submissions."""
        return list(self._read()._probes)

    @property
    def prechecks(self) -> list[SubmissionPrechecked]:
        """All free checks of submissions: each of other files."""
        return list(self._read()._prechecks)

    @property
    def calls(self) -> list[list[Call]]:
        """The agent's calls to language models: a list for each finished iteration, and one for those since."""
        return [[call for call in calls if is_planners(call)] for calls in self._read()._calls]

    @property
    def data_calls(self) -> list[list[Call]]:
        """The calls of data programs, in lists like those of :attr:`calls`."""
        return [[call for call in calls if call.purpose == DATA_PROGRAM] for calls in self._read()._calls]

    @property
    def begun(self) -> str:
        """When the run began, which distinguishes it from every other run."""
        self.require(RunBegun)
        return next(recorded.time for recorded in self.events if isinstance(recorded.event, RunBegun))

    @property
    def best(self) -> int:
        """The number of the best iteration: the last one that was accepted, or 0 for the base model."""
        return self._read()._best

    @property
    def spent(self) -> Spent:
        """The sum of all charges of the run so far."""
        return self._read()._spent

    @property
    def test_items(self) -> dict[str, list[ItemScore]]:
        """The verdicts on the test items of ``baseline`` and ``best``; empty if the run has none in its record."""
        scored = self.first(TestScored)
        return scored.items if scored else {}

    @property
    def finished(self) -> RunResult | None:
        """The result of a run that has ended."""
        event = self.first(RunFinished)
        return event.result if event else None

    @property
    def outcome(self) -> RunOutcome:
        """How the episode ended."""
        if self.reasons:
            return "disqualified"
        iterations = self.iterations
        if any(i.score for i in iterations):
            return "scored"
        if iterations:
            return "invalid"
        stopped = self.first(AgentStopped)
        return "out_of_budget" if stopped and stopped.out_of_budget else "no_submission"

    @property
    def reasons(self) -> list[str]:
        """Why the run was disqualified; none if it was not."""
        ruling = self.first(RunDisqualified)
        return list(ruling.reasons) if ruling else []

    @property
    def test(self) -> dict[str, Score] | None:
        """The test scores of ``baseline`` and ``best``; empty if disqualified, ``None`` before there is a ruling."""
        if self.reasons:
            return {}
        scored = self.first(TestScored)
        return scored.scores if scored else None

    @property
    def head(self) -> str:
        """The last link of the ledger before its result was written."""
        return next((e.link for e in reversed(self.events) if not isinstance(e.event, RunFinished)), "")

    def _read(self) -> History:
        """Read the events that are new since the last call, so that the cost of an iteration does not grow with their
        number. Several threads, which serve data programs, read the spent budget."""
        with self._turn:
            for row in self._ledger.read(after=self._seen):
                self._take(parse(row, RUN_EVENTS))
        return self

    def _take(self, recorded: Recorded[RunEvent]) -> None:
        event = recorded.event
        match event:
            case IterationEnded(iteration=iteration):
                if iteration.number != len(self._iterations) + 1:
                    raise malformed(recorded.seq, recorded.kind, f"iteration {iteration.number} is out of order")
                if iteration.start is not None and not _is_evaluated(self._iterations, iteration.start):
                    problem = f"iteration {iteration.number} starts from {iteration.start}, which was not evaluated"
                    raise malformed(recorded.seq, recorded.kind, problem)
                self._iterations.append(iteration)
                self._calls.append([])
                self._best = iteration.number if iteration.accepted else self._best
            case RunBegun(configuration=Configuration(budget=budget)) | BudgetExtended(budget=budget):
                self._budget = budget
            case ProbeEnded(probe=probe):
                self._probes.append(probe)
            case SubmissionPrechecked():
                self._prechecks.append(event)
            case LlmCalled(call=call):
                self._calls[-1].append(call)
        if isinstance(event, LedgerEvent):
            self._first.setdefault(type(event), event)
        self._events.append(recorded)
        self._seen = recorded.seq
        self._spent += recorded.charge


def list_judge_calls(history: History) -> list[Call]:
    """Return the calls to the judge of the task, in order."""
    calls = [recorded.event.call for recorded in history.events if isinstance(recorded.event, LlmCalled)]
    return [call for call in calls if is_judges(call)]
