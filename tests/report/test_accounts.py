"""The budget in the report says why more was spent than the limit."""

from __future__ import annotations

from ftdojo.contract.budget import Spent
from ftdojo.report.view.accounts import accounts


def test_an_overdrawn_account_names_the_iteration_that_took_it() -> None:
    limits = {"wall_s": 420.0}
    wall = accounts(Spent(wall_s=719.0), limits, limits, Spent(wall_s=481.0), 2)[0]
    assert (wall.spent, wall.limit) == ("11 min 59 s", "7 min 0 s")
    assert "4 min 59 s over: iteration 2 began with 3 min 2 s left and took 8 min 1 s" in wall.note


def test_an_account_within_its_limit_needs_no_reason() -> None:
    assert {a.note for a in accounts(Spent(wall_s=3), {"wall_s": 9.0}, {"wall_s": 9.0}, Spent(wall_s=3), 1)} == {""}


def test_an_extended_limit_is_said() -> None:
    wall = accounts(Spent(wall_s=70), {"wall_s": 60.0}, {"wall_s": 120.0}, Spent(wall_s=70), 1)[0]
    assert wall.limit == "2 min 0 s"
    assert wall.note == "The owner extended it from 1 min 0 s."
