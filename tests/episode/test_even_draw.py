"""Which positions are drawn first: as many of every group, and always the same ones."""

from __future__ import annotations

from collections import Counter

from ftdojo.episode.even_draw import rank_positions

GROUPS = ["a"] * 50 + ["b"] * 5 + ["c"] * 20


def test_the_lowest_ranks_have_as_many_of_every_group() -> None:
    first = [GROUPS[position] for _, position in sorted(rank_positions(GROUPS))[:15]]
    assert Counter(first) == {"a": 5, "b": 5, "c": 5}


def test_every_position_is_ranked_once_in_the_same_random_order() -> None:
    ranked = rank_positions(GROUPS)
    positions = [position for _, position in ranked]
    assert sorted(positions) == list(range(len(GROUPS)))
    assert positions != sorted(positions)
    assert rank_positions(GROUPS) == ranked
    assert rank_positions([]) == []
