"""Durations, accounts and the tighter of two budgets."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.contract.budget import Budget, Spent, parse_duration
from ftdojo.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("45s", 45), ("30m", 1800), ("1.5h", 5400), ("1h30m", 5400), ("2d", 172800)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5x", "-3m", "0", "1h 30m", "m", "1e3"])
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(UsageError, match="duration"):
        parse_duration(text)


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert parse_duration(text) > 0


def test_only_limited_accounts_are_reported() -> None:
    spent = Spent(wall_s=70, submissions=3) + Spent(wall_s=5, submissions=1, cost_usd=0.5)
    assert Budget(wall_s=60, submissions=8).remaining(spent) == {"wall_s": -15, "submissions": 4}


def test_the_tighter_limit_holds() -> None:
    assert Budget(wall_s=60).within(Budget(wall_s=90, submissions=2)) == Budget(wall_s=60, submissions=2)
