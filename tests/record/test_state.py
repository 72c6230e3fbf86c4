"""The state of a run, which keeps no events, says what the history says."""

from __future__ import annotations

from pathlib import Path

import pytest

import recorded_runs as recorded
from ftdojo.contract.call import Call
from ftdojo.record import Ledger, state
from ftdojo.record.events import BudgetExtended
from ftdojo.record.history import History
from ftdojo.record.state import RunState, Signature, read_new


@pytest.mark.parametrize("until", ["started", "baseline", "iterations", "test_scored", "finished"])
def test_a_state_is_the_end_of_the_history(tmp_path: Path, until: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "BATCH", 3)
    calls: dict[int, list[Call]] = {1: [recorded.call("plan", "reply")], 4: [recorded.call("plan", None, "refused")]}
    recorded.record(tmp_path, recorded.STORY, until, {"trivial": (recorded.trivial(), None)}, calls)
    found = RunState()
    while new := read_new(tmp_path, found.seq):
        assert len(new) <= 3
        for event in new:
            found.take(event)
    with Ledger(tmp_path, writable=False) as ledger:
        history = History(ledger)
        assert (found.seq, found.last_time) == (len(history.events), history.events[-1].time)
        assert (found.iterations, found.best) == (len(history.iterations), history.best)
        assert (found.spent, found.limits) == (history.spent, history.budget)
        assert found.baseline == (history.baseline.score if history.baseline else None)
        assert found.outcome == (history.finished.outcome if history.finished else "")
        if history.best:
            assert found.best_score == history.iterations[history.best - 1].score
    assert found.name_state(tmp_path) == (found.outcome or "interrupted")


def test_a_signature_changes_with_the_ledger_and_not_with_its_readers(tmp_path: Path) -> None:
    assert Signature.of(tmp_path) == Signature(0, ())
    recorded.record(tmp_path, [], "baseline", {}, {})
    before = Signature.of(tmp_path)
    assert read_new(tmp_path, 0)
    assert Signature.of(tmp_path) == before
    with Ledger(tmp_path) as ledger:
        History(ledger).append(BudgetExtended(budget={"wall_s": 9.0}))
        assert Signature.of(tmp_path) != before
