"""Moves of the playbook: changes to the best draft, with the numbers they rest on and what they should do to them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ftdojo.agents import forecast
from ftdojo.agents.draft import Draft
from ftdojo.agents.ft_agent import edits
from ftdojo.agents.ft_agent.effects import Effect
from ftdojo.agents.ft_agent.situation import Situation
from ftdojo.contract.submission import PlannedChange

MIN_ROWS = 64
"""Of fewer rows nothing can be said."""
BOUNDS = {
    "epochs": (0.25, 16),
    "learning_rate": (1e-5, 5e-3),
    "batch_size": (1, 256),
    "max_length": (16, 32_768),
    "rank": (1, 64),
    "max_rows": (MIN_ROWS, 100_000),
}
"""Within these the practice holds; a move that would leave them is not made."""


@dataclass(frozen=True, slots=True)
class Move:
    """One change to the best draft, with its reasons."""

    draft: Draft
    hypothesis: str
    evidence: str
    changes: tuple[PlannedChange, ...]


def more_rows(s: Situation, evidence: str) -> Iterator[Move]:
    """As many more rows as time allows, if all that were asked for were used and there are more."""
    used = s.feedback.data.rows if s.feedback.data else 0
    if (
        used >= s.best.recipe.max_rows * 0.95
        and forecast.rows(s.best.with_recipe(max_rows=10**6), s.observation) > used
    ):
        yield rows(s, evidence, s.growth, "the held-out loss falls, the gap to the training loss does not grow")


def more_rank(s: Situation, evidence: str) -> Iterator[Move]:
    """Adapters twice as wide."""
    lora, method = s.best.train.lora, s.best.train.facts
    if lora is not None and lora.rank < 64 and method.adapters and not method.four_bit:
        wider = lora.model_copy(update={"rank": 2 * lora.rank, "alpha": 2 * lora.alpha})
        yield Move(
            draft=s.best.with_train(lora=wider.model_dump()),
            hypothesis="the adapter is too narrow to hold what the rows teach",
            evidence=evidence,
            changes=(_change("train.lora.rank", lora.rank, wider.rank, evidence, "the training loss ends lower"),),
        )


def rows(s: Situation, evidence: str, factor: float, expected: str) -> Move:
    """So many times the rows, within what the task allows."""
    limit = s.spec.rules.max_rows
    return recipe(s, evidence, "max_rows", min(limit, max(MIN_ROWS, int(s.best.recipe.max_rows * factor))), expected)


def recipe(s: Situation, evidence: str, key: str, value: int | str | bool, expected: str) -> Move:
    """Another value for a key of the recipe."""
    before = getattr(s.best.recipe, key)
    return Move(
        draft=s.best.with_recipe(**{key: value}),
        hypothesis=f"{key.replace('_', ' ')} of {before} holds the model back; {value} is better",
        evidence=evidence,
        changes=(_change(f"recipe.{key}", before, value, evidence, expected),),
    )


def train(s: Situation, evidence: str, key: str, factor: float, expected: str) -> Iterator[Move]:
    """So many times the value of a key of the training, within its bounds."""
    before = getattr(s.best.train, key)
    value = type(before)(before * factor)
    low, high = BOUNDS[key]
    if not low <= value <= high:
        return
    yield Move(
        draft=s.best.with_train(**{key: value}),
        hypothesis=f"{key.replace('_', ' ')} of {before:g} is too {'low' if factor > 1 else 'high'}",
        evidence=evidence,
        changes=(_change(f"train.{key}", before, value, evidence, expected),),
    )


def compound(s: Situation, draft: Draft, hypothesis: str, evidence: str, expected: str) -> Move:
    """All that is different in another draft."""
    made = edits.differences(s.best, draft, s.spec)
    return Move(
        draft=draft,
        hypothesis=hypothesis,
        evidence=evidence,
        changes=tuple(_change(key, before, after, evidence, expected) for key, (before, after) in made.items()),
    )


def moved(s: Situation, effect: Effect, steps: int) -> str:
    """The value of a key some steps in the direction in which it helps; empty where the practice ends."""
    key, name = effect.change.key, effect.change.key.rpartition(".")[2]
    if effect.change.to is not None:
        return effect.change.to
    value = edits.scaled(s.best, s.spec, key, 2.0 ** (steps if s.gain(effect.change, 1.0) > 0 else -steps))
    low, high = BOUNDS.get(name, (0.0, math.inf))
    return f"{value:.10g}" if low <= value <= high else ""


def _change(key: str, before: object, after: object, because: str, expected: str) -> PlannedChange:
    return PlannedChange(key=key, before=str(before), after=str(after), because=because, expected=expected)
