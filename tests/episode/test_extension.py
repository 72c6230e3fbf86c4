"""More budget for a run that was interrupted: recorded, never for a run that has ended, never in a contest."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from ftdojo.contract.budget import Budget
from ftdojo.contract.configuration import Configuration
from ftdojo.contract.progress import Silent
from ftdojo.episode.extension import extend_budget
from ftdojo.errors import UsageError
from ftdojo.record import Ledger
from ftdojo.record.events import AgentStopped, BudgetExtended, RunBegun
from ftdojo.record.history import History

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
