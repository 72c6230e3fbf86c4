"""What the record of a run says: every fact about its past, derived from the ledger, event by event as they come."""

from __future__ import annotations

import threading
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from ftdojo.contract.budget import Spent
from ftdojo.contract.call import DATA_PROGRAM, Call
from ftdojo.contract.configuration import Configuration
from ftdojo.contract.feedback import EvaluationFeedback
from ftdojo.contract.protocol import Iteration, Probe
from ftdojo.contract.result import Best, BudgetUsed, LlmUsage, RunOutcome, RunResult, Score, ScorePair
from ftdojo.errors import InfrastructureError
from ftdojo.record import Event, Ledger
from ftdojo.tasks.spec import ItemScore


class History:
    """A typed view of a ledger. Events: ``configuration``, ``baseline``; many of ``llm_call``, ``probe``, ``paused``
    and ``iteration``; ``stopped``, ``test_opened``, ``test_scored`` or ``disqualified``, ``finished``."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._turn = threading.Lock()
        self._seen = 0
        self._first: dict[str, Event] = {}
        self._iterations: list[Iteration] = []
        self._probes: list[Probe] = []
        self._calls: list[list[Call]] = [[]]
        self._best = 0
        self._spent = Spent()

    def append(self, kind: str, payload: dict[str, Any], charge: Spent | None = None) -> None:
        """Write one event, with what it is charged to the budget."""
        self._ledger.append(kind, payload if charge is None else {**payload, "charge": asdict(charge)})

    def payload(self, kind: str) -> dict[str, Any] | None:
        """The payload of the first event of a kind, if there is one."""
        event = self._read()._first.get(kind)
        return event.payload if event else None

    @property
    def configuration(self) -> Configuration | None:
        """The configuration that the run began with."""
        payload = self.payload("configuration")
        return Configuration.model_validate(payload["configuration"]) if payload else None

    @property
    def baseline(self) -> EvaluationFeedback | None:
        """The base model on validation."""
        payload = self.payload("baseline")
        return EvaluationFeedback.model_validate(payload["evaluation"]) if payload else None

    @property
    def iterations(self) -> list[Iteration]:
        """All finished iterations."""
        return list(self._read()._iterations)

    @property
    def probes(self) -> list[Probe]:
        """All probes of submissions."""
        return list(self._read()._probes)

    @property
    def calls(self) -> list[list[Call]]:
        """The agent's calls to language models: a list for each finished iteration, and one for those since."""
        return [[call for call in calls if call.purpose != DATA_PROGRAM] for calls in self._read()._calls]

    @property
    def data_calls(self) -> list[list[Call]]:
        """The calls of data programs, in lists like those of :attr:`calls`."""
        return [[call for call in calls if call.purpose == DATA_PROGRAM] for calls in self._read()._calls]

    @property
    def begun(self) -> str:
        """When the run began: what tells it from every other run."""
        return self._read()._first["configuration"].time

    @property
    def best(self) -> int:
        """The number of the best iteration: the last one that was accepted, or 0 for the base model."""
        return self._read()._best

    @property
    def spent(self) -> Spent:
        """What the run has been charged so far."""
        return self._read()._spent

    @property
    def test_items(self) -> dict[str, list[ItemScore]]:
        """The verdicts on the test items of ``baseline`` and ``best``; empty if the run has none in its record."""
        scored = self.payload("test_scored") or {}
        return TypeAdapter(dict[str, list[ItemScore]]).validate_python(scored.get("items", {}))

    @property
    def finished(self) -> RunResult | None:
        """The result of a run that has ended."""
        payload = self.payload("finished")
        return RunResult.model_validate(payload["result"]) if payload else None

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
        stopped = self.payload("stopped")
        return "out_of_budget" if stopped and stopped["out_of_budget"] else "no_submission"

    @property
    def reasons(self) -> list[str]:
        """Why the run was disqualified; none if it was not."""
        return (self.payload("disqualified") or {"reasons": []})["reasons"]  # type: ignore[no-any-return]

    @property
    def test(self) -> dict[str, Score] | None:
        """The test scores of ``baseline`` and ``best``; empty if disqualified, ``None`` before there is a ruling."""
        if self.reasons:
            return {}
        payload = self.payload("test_scored")
        return payload and {name: Score.model_validate(payload[name]) for name in ("baseline", "best")}

    @property
    def head(self) -> str:
        """The last link of the ledger before its result was written."""
        return next((e.link for e in reversed(self._ledger.events()) if e.kind != "finished"), "")

    def result(self, run: str) -> RunResult:
        """The result of a run with a ruling: its test was scored, or it was disqualified."""
        identity, baseline, test = self.configuration, self.baseline, self.test
        assert identity is not None
        assert baseline is not None
        assert test is not None
        iterations, best, spent = self.iterations, self.best, self.spent
        return RunResult(
            run=run,
            task=identity.task,
            variant=identity.variant,
            model=identity.model,
            agent=identity.agent,
            planner=identity.planner,
            seed=identity.seed,
            outcome=self.outcome,
            reasons=self.reasons,
            baseline=ScorePair(validation=baseline.score, test=test.get("baseline")),
            best=Best(
                iteration=best,
                validation=iterations[best - 1].score if best else baseline.score,
                test=test.get("best"),
            ),
            iterations=[i.result() for i in iterations],
            budget=BudgetUsed(
                wall_s=spent.wall_s,
                device_s=spent.device_s,
                submissions=spent.submissions,
                llm=LlmUsage(
                    input_tokens=spent.input_tokens, output_tokens=spent.output_tokens, cost_usd=spent.cost_usd
                ),
            ),
            versions=(self.payload("configuration") or {}).get("versions", {}),
            digests=identity.digests,
            ledger=self.head,
        )

    def _read(self) -> History:
        """Take in what the ledger has got since the last look, so that an iteration costs the same however many there
        were before. Data programs are served by several threads, which ask for what is spent."""
        with self._turn:
            for event in self._ledger.events(after=self._seen):
                try:
                    self._take(event)
                except (ValueError, KeyError, TypeError) as error:
                    raise InfrastructureError(
                        f"event {event.seq} of the ledger ({event.kind}) is not of the form that this ftdojo writes",
                        fix="open the run with the ftdojo that wrote it; `ftdojo verify` tells whether it was changed",
                    ) from error
        return self

    def _take(self, event: Event) -> None:
        self._seen = event.seq
        self._first.setdefault(event.kind, event)
        if event.kind == "iteration":
            iteration = Iteration.model_validate(event.payload["iteration"])
            self._iterations.append(iteration)
            self._calls.append([])
            self._best = iteration.number if iteration.accepted else self._best
        elif event.kind == "probe":
            self._probes.append(Probe.model_validate(event.payload["probe"]))
        elif event.kind == "llm_call":
            self._calls[-1].append(Call.model_validate(event.payload["call"]))
        if "charge" in event.payload:
            self._spent += Spent(**event.payload["charge"])
