"""Acceptance is arithmetic on the same items."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo import tasks
from ftdojo.episode.acceptance import decide
from ftdojo.tasks.spec import ItemScore

TASK = tasks.get("chemistry/mol_und")


def scores(values: list[float]) -> list[ItemScore]:
    return [ItemScore(id=str(i), subtask="ab"[i % 2], score=v, parsed=True) for i, v in enumerate(values)]


def test_a_clear_gain_is_accepted_and_a_small_one_is_not() -> None:
    before = [0.0] * 100
    assert decide(TASK, scores([1.0] * 20 + [0.0] * 80), scores(before)).accepted
    assert not decide(TASK, scores([1.0] * 2 + [0.0] * 98), scores(before)).accepted


def test_lower_is_better_turns_the_rule_around() -> None:
    lower = replace(TASK, spec=replace(TASK.spec, higher_is_better=False))
    good, bad = scores([0.0] * 100), scores([1.0] * 30 + [0.0] * 70)
    assert decide(lower, good, bad).accepted
    assert not decide(lower, bad, good).accepted


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=80))
def test_no_model_beats_itself(values: list[float]) -> None:
    assert not decide(TASK, scores(values), scores(values)).accepted


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])), min_size=2, max_size=80))
def test_two_models_never_beat_each_other(pairs: list[tuple[float, float]]) -> None:
    one, two = scores([a for a, _ in pairs]), scores([b for _, b in pairs])
    assert not (decide(TASK, one, two).accepted and decide(TASK, two, one).accepted)


def test_other_items_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="same items"):
        decide(TASK, scores([1.0, 0.0]), scores([1.0, 0.0, 1.0]))
