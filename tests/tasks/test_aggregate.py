"""Means over sub-tasks."""

from __future__ import annotations

import pytest

from ftdojo.tasks.aggregate import parsed_percent, subtask_mean
from ftdojo.tasks.spec import ItemScore


def scores(*values: tuple[str, float]) -> list[ItemScore]:
    return [ItemScore(id=str(i), subtask=s, score=v, parsed=v > 0) for i, (s, v) in enumerate(values)]


def test_every_subtask_weighs_the_same() -> None:
    given = scores(("a", 1.0), ("a", 1.0), ("a", 1.0), ("b", 0.0))
    assert subtask_mean(given, lambda s: s.score) == 0.5
    assert parsed_percent(given) == 75.0


def test_there_is_no_mean_of_nothing() -> None:
    with pytest.raises(ValueError, match="no scores"):
        subtask_mean([], lambda s: s.score)
