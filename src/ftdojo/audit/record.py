"""Checks of the record against itself: the run's folder is all that they need."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from ftdojo.audit.evidence import CLOSE, Evidence, Unchecked
from ftdojo.contract.budget import Budget, Spent
from ftdojo.contract.call import Call
from ftdojo.contract.protocol import Iteration


def ledger(evidence: Evidence) -> list[str]:
    """Every event is what and where it was when it was written."""
    if not evidence.ledger.head:
        raise Unchecked("the ledger is of version 1, whose events are not linked")
    place = evidence.ledger.broken()
    return [f"event {place} is not what it was, or not where it was, when it was written"] if place else []


def result(evidence: Evidence) -> list[str]:
    """result.json is the recorded result, and follows from the record."""
    recorded, path = evidence.finished, evidence.folder.result
    if not path.is_file():
        return [f"{path.name} is missing"]
    found = _differing(path.name, json.loads(path.read_text("utf-8")), recorded.model_dump(mode="json"))
    derived = evidence.history.result(recorded.run).model_dump(mode="json")
    # The sums of the budget have a check of their own.
    return found + _differing("the event 'finished'", recorded.model_dump(mode="json"), derived, but={"budget"})


def _differing(where: str, told: Any, expected: dict[str, Any], but: set[str] = frozenset()) -> list[str]:  # type: ignore[assignment]
    if not isinstance(told, dict):
        return [f"{where} is no result"]
    names = sorted(n for n in (told.keys() | expected.keys()) - but if told.get(n) != expected.get(n))
    return [f"{where}: {name} is not what the record says" for name in names]


def opening(evidence: Evidence) -> list[str]:
    """Test was opened after the agent had stopped, for the best iteration, and scored once.

    A grading that was interrupted opens it again, which the record says; nothing can be learned from that, since the
    agent is gone.
    """
    kinds = [event.kind for event in evidence.events]
    opened = [event for event in evidence.events if event.kind == "test_opened"]
    found = [f"'{kind}' is recorded {kinds.count(kind)} times" for kind in ("test_scored", "finished", "stopped")
             if kinds.count(kind) > 1]  # fmt: skip
    if "test_scored" in kinds and not opened:
        found.append("test was scored, and no opening is recorded")
    if "test_scored" in kinds and "disqualified" in kinds:
        found.append("a disqualified run was scored on test")
    if opened:
        before, after = kinds[: opened[0].seq - 1], kinds[opened[0].seq - 1 :]
        if "stopped" not in before:
            found.append(f"test was opened at event {opened[0].seq}, before the agent had stopped")
        found += [f"'{kind}' is recorded after test was opened" for kind in ("iteration", "llm_call") if kind in after]
    best = evidence.history.best
    return found + [f"event {e.seq} opened test for iteration {e.payload['best']}, the best is {best}"
                    for e in opened if e.payload["best"] != best]  # fmt: skip


def budget(evidence: Evidence) -> list[str]:
    """All charges add up to the result, and no step was begun with a limit reached."""
    budget, spent, begun_with, found = Budget(**evidence.configuration.model_dump()["budget"]), Spent(), Spent(), []
    for event in evidence.events:
        charge = Spent(**event.payload.get("charge", {}))
        where = f"event {event.seq} ({event.kind})"
        found += [f"{where}: a charge of {value} {name}" for name, value in asdict(charge).items() if value < 0]
        if event.kind == "iteration":
            reached = [name for name, left in budget.remaining(begun_with).items() if left <= 0]
            found += [f"{where} was begun when {name} was used up" for name in reached]
            seconds = Iteration.model_validate(event.payload["iteration"]).feedback.execution.seconds
            if abs(charge.device_s - seconds.train - seconds.evaluate) > CLOSE or charge.submissions != 1:
                found.append(f"{where} is not charged its stages and one submission")
        elif event.kind == "llm_call" and charge != Call.model_validate(event.payload["call"]).charge:
            found.append(f"{where} is not charged what the call took")
        spent += charge
        if event.kind in {"baseline", "iteration"}:  # after these, an agent is asked only if no limit is reached
            begun_with = spent
    used = evidence.finished.budget
    told = Spent(wall_s=used.wall_s, device_s=used.device_s, submissions=used.submissions, **used.llm.model_dump())
    return found + [f"the charges of {name} add up to {value}, the result says {getattr(told, name)}"
                    for name, value in asdict(spent).items() if abs(value - getattr(told, name)) > CLOSE]  # fmt: skip
