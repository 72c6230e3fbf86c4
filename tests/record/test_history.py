"""What is read from a ledger while it grows is what is read from it at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftdojo.contract.budget import Spent
from ftdojo.contract.call import Call, Usage
from ftdojo.contract.feedback import ExecutionFeedback, Feedback
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import StageSeconds
from ftdojo.errors import InfrastructureError
from ftdojo.record import Event, Ledger
from ftdojo.record import history as history_module
from ftdojo.record.events import IterationEnded, parse
from ftdojo.record.history import History, list_ancestors
from recorded_runs import evaluation


def iteration(number: int) -> Iteration:
    execution = ExecutionFeedback(seconds=StageSeconds(), reused=[], findings=[])
    return Iteration(number=number, digests={}, plan=None, feedback=Feedback(execution=execution), decision=None)


def test_a_history_that_grows_is_the_history_of_the_whole(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        growing = History(ledger)
        for number in range(1, 5):
            assert len(growing.iterations) == number - 1
            growing.append(IterationEnded(iteration=iteration(number), charge=Spent(wall_s=2.0, submissions=1)))
            assert growing.spent == Spent(wall_s=2.0 * number, submissions=number)
        whole = History(ledger)
        assert growing.iterations == whole.iterations == [iteration(n) for n in range(1, 5)]
        assert growing.calls == whole.calls == [[]] * 5
        assert (growing.best, growing.outcome) == (whole.best, whole.outcome) == (0, "invalid")


def test_what_another_reader_gets_cannot_change_the_history(tmp_path: Path) -> None:
    call = Call(purpose="plan", model="m", mode="text", messages=[], reply="", fault=None, usage=Usage(), seconds=0.0)
    with Ledger(tmp_path) as ledger:
        history = History(ledger)
        history.append(IterationEnded(iteration=iteration(1)))
        history.iterations.clear()
        history.calls[0].append(call)
        assert len(history.iterations) == 1
        assert history.calls == [[], []]


def test_only_new_events_are_read(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        first, second = ledger.append("a", {}), ledger.append("b", {"x": 1})
        assert ledger.events(after=first.seq) == [second]
        assert ledger.events("a", after=first.seq) == []
        assert ledger.events(after=second.seq) == []


def started(number: int, start: int | None, *, evaluated: bool) -> Iteration:
    """An iteration that was not accepted."""
    made = iteration(number)
    feedback = made.feedback.model_copy(update={"evaluation": evaluation(1.0) if evaluated else None})
    return made.model_copy(update={"start": start, "feedback": feedback})


def test_the_ancestors_of_an_iteration_are_listed_newest_first() -> None:
    every = [started(1, None, evaluated=True), started(2, 1, evaluated=True), started(3, 1, evaluated=False)]
    assert [i.number for i in list_ancestors(every, 2)] == [2, 1]
    assert [i.number for i in list_ancestors(every, 1)] == [1]
    assert list_ancestors(every, None) == []


@pytest.mark.parametrize("start", [-1, 0, 1, 2, 3, 9])
def test_an_iteration_that_starts_from_one_that_was_not_evaluated_is_malformed(tmp_path: Path, start: int) -> None:
    with Ledger(tmp_path) as ledger:
        history = History(ledger)
        history.append(IterationEnded(iteration=started(1, None, evaluated=False)))
        history.append(IterationEnded(iteration=started(2, start, evaluated=True)))
        with pytest.raises(InfrastructureError, match=rf"iteration 2 starts from {start}, which was not evaluated"):
            _ = history.iterations


def test_events_are_read_in_pages_and_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []

    def counted(row: Event, kinds: Any) -> Any:
        parsed.append(row.seq)
        return parse(row, kinds)

    monkeypatch.setattr(history_module, "parse", counted)
    with Ledger(tmp_path) as ledger:
        history = History(ledger)
        for number in range(1, 9):
            history.append(IterationEnded(iteration=iteration(number)))
            assert len(history.iterations) == len(history.events) == number
        assert [event.seq for event in History(ledger).events] == list(range(1, 9))
        assert parsed == [*range(1, 9), *range(1, 9)]
        reading = ledger.read(page=3)
        first = next(reading)
        ledger.append("later", {})
        assert [first, *reading] == ledger.events(), "an event that is written meanwhile is read, too"
        assert ledger.find_broken() is None
