"""What the record of a run says: every fact about its past, derived from the ledger and kept nowhere else."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ftdojo.budget import Spent
from ftdojo.dojo.configuration import Configuration
from ftdojo.dojo.feedback import EvaluationFeedback
from ftdojo.dojo.protocol import Iteration
from ftdojo.llm import Call
from ftdojo.record import Ledger
from ftdojo.record.result import Best, BudgetUsed, LlmUsage, Outcome, RunResult, Score, ScorePair


class History:
    """A typed view of a ledger. Events: ``configuration``, ``baseline``, ``llm_call`` (many), ``iteration`` (many),
    ``stopped``, ``test_opened``, ``test_scored`` or ``disqualified``, ``finished``."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def append(self, kind: str, payload: dict[str, Any], charge: Spent | None = None) -> None:
        """Write one event, with what it is charged to the budget."""
        self._ledger.append(kind, payload if charge is None else {**payload, "charge": asdict(charge)})

    def payload(self, kind: str) -> dict[str, Any] | None:
        """The payload of the first event of a kind, if there is one."""
        events = self._ledger.events(kind)
        return events[0].payload if events else None

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
        return [Iteration.model_validate(e.payload["iteration"]) for e in self._ledger.events("iteration")]

    @property
    def calls(self) -> list[list[Call]]:
        """The agent's calls to language models: a list for each finished iteration, and one for those since."""
        found: list[list[Call]] = [[]]
        for event in self._ledger.events():
            if event.kind == "llm_call":
                found[-1].append(Call.model_validate(event.payload["call"]))
            elif event.kind == "iteration":
                found.append([])
        return found

    @property
    def best(self) -> int:
        """The number of the best iteration: the last one that was accepted, or 0 for the base model."""
        return max((i.number for i in self.iterations if i.accepted), default=0)

    @property
    def spent(self) -> Spent:
        """What the run has been charged so far."""
        charges = (Spent(**e.payload["charge"]) for e in self._ledger.events() if "charge" in e.payload)
        return sum(charges, Spent())

    @property
    def outcome(self) -> Outcome:
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
