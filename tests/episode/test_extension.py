"""More budget for a run: on resume or as it goes; recorded, never for a run that has ended, never in a contest."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from ftdojo.contract.budget import Budget, Spent
from ftdojo.contract.configuration import Configuration
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.episode import Dojo
from ftdojo.episode.accounts import Accounts
from ftdojo.episode.extension import TimeRequests, extend_budget, find_limits, read_request, request_time
from ftdojo.errors import UsageError
from ftdojo.record import Home, Ledger, RunFolder
from ftdojo.record.events import AgentStopped, BudgetExtended, RunBegun, RunPaused
from ftdojo.record.history import History
from submissions import write_submission

SHORT = asdict(Budget(wall_s=60, submissions=2))


def begun(ledger: Ledger) -> History:
    identity = Configuration(
        task="t", variant="v", model="m", agent="a", planner="", seed=0, budget=SHORT, digests={"task": "1"}
    )
    history = History(ledger)
    history.append(RunBegun(configuration=identity, metric="accuracy", higher_is_better=True, objective="o"))
    return history


@pytest.mark.parametrize("more", [{"wall_s": 90.0}, {"wall_s": None}, {"submissions": 5, "wall_s": 61.0}])
def test_larger_limits_hold_and_are_recorded(tmp_path: Path, more: dict[str, float | None]) -> None:
    with Ledger(tmp_path) as ledger:
        history = begun(ledger)
        extend_budget(history, SHORT | more, tmp_path, allowed=True, progress=Silent())
        assert history.require(BudgetExtended).budget == history.budget == SHORT | more
        identity = history.configuration
        assert identity is not None
        assert identity.budget == SHORT
        history.require_same(identity.model_copy(update={"budget": SHORT | more}), tmp_path)


@pytest.mark.parametrize("other", [{}, {"wall_s": 30.0}, {"wall_s": 90.0, "submissions": 1}])
def test_equal_smaller_or_mixed_limits_extend_nothing(tmp_path: Path, other: dict[str, float]) -> None:
    with Ledger(tmp_path) as ledger:
        history = begun(ledger)
        extend_budget(history, SHORT | other, tmp_path, allowed=True, progress=Silent())
        assert history.first(BudgetExtended) is None
        if other:
            identity = history.configuration
            assert identity is not None
            with pytest.raises(UsageError, match="another configuration"):
                history.require_same(identity.model_copy(update={"budget": SHORT | other}), tmp_path)


def test_a_run_that_has_ended_gets_no_more(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        history = begun(ledger)
        history.append(AgentStopped(out_of_budget=True))
        with pytest.raises(UsageError, match="has ended"):
            extend_budget(history, SHORT | {"wall_s": 90.0}, tmp_path, allowed=True, progress=Silent())


def test_contestants_of_a_contest_keep_the_same_budget(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        history = begun(ledger)
        with pytest.raises(UsageError, match="contest"):
            extend_budget(history, SHORT | {"wall_s": 90.0}, tmp_path, allowed=False, progress=Silent())
        assert history.first(BudgetExtended) is None


def requests(history: History, run: Path, *, allowed: bool = True, most_s: float = 3600.0) -> TimeRequests:
    return TimeRequests(RunFolder(run), history, Accounts(history, Budget(**SHORT)), Silent(), most_s, allowed)


def test_time_that_is_asked_for_is_taken_once_and_recorded(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        history = begun(ledger)
        taker = requests(history, tmp_path)
        history.append(RunPaused(charge=Spent(wall_s=70)))
        assert taker.accounts.over
        assert request_time(tmp_path, 600, allowed=True) == 660
        assert request_time(tmp_path, 40, allowed=True) == 700, "requests add up until one is taken"
        taker.take()
        assert not taker.accounts.over
        assert taker.accounts.charged_remaining()["wall_s"] == 630
        assert history.require(BudgetExtended).budget == history.budget == SHORT | {"wall_s": 700.0}
        assert read_request(RunFolder(tmp_path)) is None
        taker.take()
        assert sum(isinstance(recorded.event, BudgetExtended) for recorded in history.events) == 1


def test_no_request_goes_beyond_the_limit_of_the_task(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        history = begun(ledger)
        request_time(tmp_path, 1e9, allowed=True)
        requests(history, tmp_path).take()
        assert history.budget["wall_s"] == 3600


def test_a_request_that_may_not_be_made_is_dropped_by_the_process_too(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        history = begun(ledger)
        with pytest.raises(UsageError, match="contest"):
            request_time(tmp_path, 600, allowed=False)
        request_time(tmp_path, 600, allowed=True)
        requests(history, tmp_path, allowed=False).take()
        assert history.first(BudgetExtended) is None
        assert not RunFolder(tmp_path).time_request.exists()
        history.append(AgentStopped(out_of_budget=True))
        with pytest.raises(UsageError, match="has ended"):
            request_time(tmp_path, 600, allowed=True)


def test_a_run_without_a_limit_or_without_a_record_is_given_no_time(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        with pytest.raises(UsageError, match="nothing is recorded"):
            request_time(tmp_path, 600, allowed=True)
        history = begun(ledger)
        extend_budget(history, SHORT | {"wall_s": None}, tmp_path, allowed=True, progress=Silent())
        with pytest.raises(UsageError, match="no limit of time"):
            request_time(tmp_path, 600, allowed=True)


@pytest.mark.parametrize("content", ["", "no number", '{"wall_s": NaN}', '{"wall_s": -1}', '{"wall_s": 1e999}', "[[["])
def test_a_file_that_is_no_request_asks_for_nothing(tmp_path: Path, content: str) -> None:
    with Ledger(tmp_path) as ledger:
        history = begun(ledger)
        RunFolder(tmp_path).time_request.write_text(content)
        requests(history, tmp_path).take()
        assert history.first(BudgetExtended) is None
        assert request_time(tmp_path, 60, allowed=True) == 120


def test_the_first_command_goes_on_under_the_limits_in_force(tmp_path: Path) -> None:
    first, other = Budget(**SHORT), Budget(wall_s=61, submissions=2)
    with Ledger(tmp_path) as ledger:
        assert find_limits(History(ledger), first) == first
        history = begun(ledger)
        extend_budget(history, SHORT | {"wall_s": 90.0}, tmp_path, allowed=True, progress=Silent())
        assert find_limits(history, first) == Budget(wall_s=90, submissions=2)
        assert find_limits(history, other) == other, "which is refused, as any other configuration"


def test_a_run_takes_more_time_between_submissions_and_keeps_it(
    tmp_path: Path, approve: Path, tiny_model: Path, home: Home
) -> None:
    options, run = RunOptions(task=str(approve), model=str(tiny_model), agent="scripted", wall_s=900), tmp_path / "run"
    with Dojo(options, run, home=home) as dojo:
        before = dojo.reset()
        assert before.remaining["wall_s"] == 900
        request_time(run, 600, allowed=True)
        after = dojo.step(write_submission(tmp_path / "good"))
        assert 900 < after.remaining["wall_s"] < 1500
        assert dojo.budget.wall_s == 1500
        request_time(run, 60, allowed=True)
        dojo.pause()
    with Dojo(options, run, home=home) as dojo:
        dojo.reset()
        assert dojo.budget.wall_s == 1560
        assert dojo.close().outcome == "scored"
    with Ledger(run, writable=False) as ledger:
        kinds = [event.kind for event in ledger.events()]
    assert kinds[:6] == ["configuration", "baseline", "budget_extended", "iteration", "paused", "budget_extended"]
