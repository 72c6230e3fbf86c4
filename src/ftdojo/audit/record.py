"""Checks of the record against itself: they need only the run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ftdojo.audit.evidence import CLOSE, Evidence, Unchecked
from ftdojo.contract.budget import Budget, Spent
from ftdojo.contract.call import DATA_PROGRAM, SELF, START, is_judges, own_model
from ftdojo.contract.result import RunResult
from ftdojo.plain import plural
from ftdojo.record.events import (
    BaselineMeasured,
    BudgetExtended,
    IterationEnded,
    LlmCalled,
    Recorded,
    RunEvent,
    TestOpened,
)
from ftdojo.record.summary import conclude


def ledger(evidence: Evidence) -> list[str]:
    """Every event is linked to the one before. (Whoever has the folder could link all of it anew: see --expect.)"""
    if not evidence.ledger.head:
        raise Unchecked("the ledger is of version 1, whose events are not linked")
    withheld = evidence.copy.withheld
    if place := evidence.ledger.find_broken(withheld=withheld):
        return [f"event {place} was changed or moved after it was written"]
    if withheld:
        events = plural(len(evidence.events), "event")
        raise Unchecked(f"{len(withheld)} of {events} have parts that this copy lacks; the other links are whole")
    return []


def expected(evidence: Evidence, link: str) -> list[str]:
    """The ledger contains the noted link: up to it, nothing was changed after it was noted."""
    if any(event.link == link for event in evidence.events):
        return []
    return ["no event has the noted link: events before it were changed, or it is the link of another run"]


def result(evidence: Evidence) -> list[str]:
    """result.json is the recorded result, and follows from the record."""
    recorded, path = evidence.finished, evidence.folder.result
    if not path.is_file():
        return [f"{path.name} is missing"]
    found = _differing(path.name, RunResult.read(path.read_bytes(), path.name), recorded)
    # The check 'budget' compares the sums of the budget.
    return found + _differing("the event 'finished'", recorded, conclude(evidence.history, recorded.run), but="budget")


def _differing(where: str, given: RunResult, expected: RunResult, but: str = "") -> list[str]:
    names = sorted(n for n in RunResult.model_fields if n != but and getattr(given, n) != getattr(expected, n))
    return [f"{where}: {name} is not what the record says" for name in names]


def opening(evidence: Evidence) -> list[str]:
    """Test was opened after the agent had stopped, for the best iteration, and scored once.

    An interrupted grading opens it again, which is recorded. The agent cannot use this, since it has stopped before.
    """
    kinds = [_name_kind(event) for event in evidence.events]
    opened = [(e.seq, e.event.best) for e in evidence.events if isinstance(e.event, TestOpened)]
    found = [f"'{kind}' is recorded {kinds.count(kind)} times" for kind in ("test_scored", "finished", "stopped")
             if kinds.count(kind) > 1]  # fmt: skip
    if "test_scored" in kinds and not opened:
        found.append("test was scored, and no opening is recorded")
    if "test_scored" in kinds and "disqualified" in kinds:
        found.append("a disqualified run was scored on test")
    if opened:
        first, _ = opened[0]
        before, after = kinds[: first - 1], kinds[first - 1 :]
        if "stopped" not in before:
            found.append(f"test was opened at event {first}, before the agent had stopped")
        found += [f"'{kind}' is recorded after test was opened" for kind in ("iteration", "llm_call") if kind in after]
    best = evidence.history.best
    return found + [f"event {seq} opened test for iteration {number}, the best is {best}"
                    for seq, number in opened if number != best]  # fmt: skip


def _name_kind(recorded: Recorded[RunEvent]) -> str:
    """Return the kind of an event; a call to the judge of the task is none of the agent's."""
    event = recorded.event
    return "judged" if isinstance(event, LlmCalled) and is_judges(event.call) else recorded.kind


def budget(evidence: Evidence) -> list[str]:
    """All charges add up to the result, and no step was begun with a limit reached."""
    budget, spent, begun_with, found = _budget(evidence.configuration.budget), Spent(), Spent(), []
    for recorded in evidence.events:
        event, charge = recorded.event, recorded.charge
        where = f"event {recorded.seq} ({recorded.kind})"
        found += [f"{where}: a charge of {value} {name}" for name, value in asdict(charge).items() if value < 0]
        if isinstance(event, IterationEnded):
            reached = [name for name, left in budget.remaining(begun_with).items() if left <= 0]
            found += [f"{where} was begun when {name} was used up" for name in reached]
            seconds = event.iteration.feedback.execution.seconds
            if abs(charge.device_s - seconds.train - seconds.evaluate) > CLOSE or charge.submissions != 1:
                found.append(f"{where} is not charged its stages and one submission")
        elif isinstance(event, BudgetExtended):
            budget = _budget(event.budget)
        elif isinstance(event, LlmCalled) and charge != event.call.charge:
            found.append(f"{where} is not charged what the call took")
        spent += charge
        # After these, an agent is asked only if no limit is reached.
        if isinstance(event, BaselineMeasured | IterationEnded):
            begun_with = spent
    used = evidence.finished.budget
    stated = Spent(wall_s=used.wall_s, device_s=used.device_s, submissions=used.submissions, **used.llm.model_dump())
    return found + [f"the charges of {name} add up to {value}, the result says {getattr(stated, name)}"
                    for name, value in asdict(spent).items() if abs(value - getattr(stated, name)) > CLOSE]  # fmt: skip


def teachers(evidence: Evidence) -> list[str]:
    """Data programs called only the language models that the run's rule on teachers allows.

    Under ``self``, the pool ``start`` is the base model, or that of an iteration that was evaluated before.
    """
    run, found = evidence.configuration, []
    starts = [own_model(run.digests["model"])]
    own = {SELF: own_model(run.digests["model"])}
    allowed = {"none": {}, "self": own, "listed": run.data_llm}[run.teachers]
    if run.data_llm != allowed:
        found.append(f"the rule on teachers is {run.teachers}, and the run names {', '.join(run.data_llm) or 'none'}")
    for recorded in evidence.events:
        event = recorded.event
        if isinstance(event, IterationEnded) and event.iteration.evaluated:
            starts.append(own_model(event.iteration.digests["train"]))
        if not isinstance(event, LlmCalled) or event.call.purpose != DATA_PROGRAM:
            continue
        pool, model = event.call.pool, event.call.model
        if run.teachers == "self" and pool == START and model in starts:
            continue
        # Builds before the rule on teachers recorded no pools.
        of_older_build = run.teachers == "listed" and not pool and model in allowed.values()
        if allowed.get(pool) != model and not of_older_build:
            place = f"event {recorded.seq}: a data program called {model}"
            found.append(f"{place} as '{pool}', and the rule on teachers is {run.teachers}")
    return found


def _budget(limits: Mapping[str, Any]) -> Budget:
    return Budget(**limits)
