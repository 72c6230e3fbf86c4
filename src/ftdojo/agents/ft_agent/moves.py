"""Moves of the playbook: changes to the best draft, with the numbers they rest on and what they should do to them.

Those that go on from the best model's weights are in :mod:`ftdojo.agents.ft_agent.later_steps`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ftdojo.agents import forecast, practice
from ftdojo.agents.draft import Draft
from ftdojo.agents.ft_agent import edits
from ftdojo.agents.ft_agent.effects import Effect
from ftdojo.agents.ft_agent.situation import GROWTH, LEAST_GROWTH, Situation
from ftdojo.contract.method_config import BASE
from ftdojo.contract.submission import PlannedChange

ALMOST = 0.99
"""Of the time that is left: passes are rounded."""
BALANCED_SHARE = 0.6
"""Of all rows, that are kept to have even answers."""
DROPOUT = 0.1
SEEDS = 2
"""Other seeds that are tried from one draft."""
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
    is_step: bool = False
    """Whether later trainings are to go on from this one, so that its rate does not fall."""


def with_falling_rate(move: Move) -> Move:
    """A training that begins anew from the base model is a whole one: its rate falls, also where that of the first step
    of several did not; unless it is a step itself."""
    before = move.draft.train
    if move.is_step or before.start != BASE or before.schedule != practice.STEADY:
        return move
    because = "no training is planned that goes on from this one"
    fall = planned("train.schedule", before.schedule, practice.FALLING, because, "the loss falls further at the end")
    return replace(move, draft=move.draft.with_train(schedule=practice.FALLING), changes=(*move.changes, fall))


def more_rows(s: Situation, evidence: str) -> Iterator[Move]:
    """As many more rows as time allows, if all that were asked for were used and there are more."""
    if has_more_rows(s):
        yield scale_rows(s, evidence, s.growth, "the held-out loss falls, the gap to the training loss does not grow")


def balance(s: Situation, evidence: str, expected: str) -> Iterator[Move]:
    """Answers drawn evenly. Where all rows are used already, only fewer of them can be more even."""
    if s.best.recipe.balance == "completion":
        return
    if has_more_rows(s):
        yield set_recipe(s, evidence, "balance", "completion", expected)
    elif (fewer := int(BALANCED_SHARE * used_rows(s))) >= MIN_ROWS:
        yield compound(
            s,
            s.best.with_recipe(balance="completion", max_rows=fewer),
            "frequent answers outweigh the rare ones",
            evidence,
            expected,
        )


def has_more_rows(s: Situation) -> bool:
    """Whether there are rows that the best draft does not use."""
    used = used_rows(s)
    return used >= s.best.recipe.max_rows * 0.95 and available(s) >= LEAST_GROWTH * used


def available(s: Situation) -> int:
    """Rows that the raw files of the best draft have at most, within what the task allows."""
    return forecast.count_rows(s.best.with_recipe(max_rows=10**6), s.observation)


def used_rows(s: Situation) -> int:
    """Rows of the mixture that the best draft has taken, with those that samples removed from it."""
    data = s.feedback.data
    return data.rows + (data.sampled.dropped if data.sampled else 0) if data else 0


def more_passes(s: Situation, evidence: str, expected: str) -> Iterator[Move]:
    """Twice as many passes over the rows, or as many more as time allows."""
    factor = min(GROWTH, ALMOST * s.stretch)
    if factor >= LEAST_GROWTH:
        yield from scale_train(s, evidence, "epochs", factor, expected)


def full_weights(s: Situation, evidence: str) -> Iterator[Move]:
    """All weights in place of adapters, at the rate that corresponds. Adapters are as good on few rows and fall behind
    where rows teach more than they can hold (Biderman et al. 2024, arXiv 2405.09673; LoRA Without Regret)."""
    before = s.best.train
    if not before.facts.adapters or "full" not in s.spec.rules.methods:
        return
    ratio = practice.rate_ratio(adapters_before=True, adapters_after=False)
    rate = float(f"{before.learning_rate * ratio:.2g}")
    yield Move(
        draft=s.best.with_train(method="full", lora=None, learning_rate=rate),
        hypothesis="the adapters hold less than the rows teach",
        evidence=evidence,
        changes=(
            planned("train.method", before.method, "full", evidence, "the loss ends lower, and more answers are right"),
            planned("train.learning_rate", before.learning_rate, rate, "full weights take a tenth of the rate", "none"),
        ),
    )


def dropout(s: Situation, evidence: str) -> Iterator[Move]:
    """Dropout before the adapters, if there is none."""
    lora = s.best.train.adapter
    if lora is not None and lora.dropout == 0:
        yield Move(
            draft=s.best.with_train(lora=lora.model_copy(update={"dropout": DROPOUT}).model_dump()),
            hypothesis="the adapters learn the rows by heart",
            evidence=evidence,
            changes=(planned("train.lora.dropout", 0, DROPOUT, evidence, "the held-out loss rises later"),),
        )


def other_seed(s: Situation, evidence: str) -> Iterator[Move]:
    """The same training with other first weights of the adapters and another order of the rows."""
    for seed in range(s.best.train.seed + 1, s.best.train.seed + 1 + SEEDS):
        yield Move(
            draft=s.best.with_train(seed=seed),
            hypothesis="another draw of the same training may end better",
            evidence=evidence,
            changes=(planned("train.seed", s.best.train.seed, seed, evidence, "as good, or better by chance"),),
        )


def more_rank(s: Situation, evidence: str) -> Iterator[Move]:
    """Adapters twice as wide. Where ``alpha`` stays, the best learning rate does, too (LoRA Without Regret)."""
    lora, method = s.best.train.adapter, s.best.train.facts
    if lora is not None and lora.rank < 64 and not method.four_bit:
        wider = lora.model_copy(update={"rank": 2 * lora.rank})
        yield Move(
            draft=s.best.with_train(lora=wider.model_dump()),
            hypothesis="the adapter is too narrow to hold what the rows teach",
            evidence=evidence,
            changes=(planned("train.lora.rank", lora.rank, wider.rank, evidence, "the training loss ends lower"),),
        )


def more_of(s: Situation, evidence: str, subtask: str) -> Iterator[Move]:
    """Twice the weight for the rows of a sub-task, if the recipe has a source for it."""
    before = {source.subtask: source.weight for source in s.best.recipe.sources}.get(subtask)
    if before is not None and len(s.best.recipe.sources) > 1:
        expected = f"{subtask} gains more than the other sub-tasks lose"
        yield Move(
            draft=s.best.with_source(subtask, weight=2 * before),
            hypothesis=f"{subtask} is weak because it has too small a share of the rows",
            evidence=evidence,
            changes=(
                planned(f"recipe.sources.{subtask}.weight", f"{before:g}", f"{2 * before:g}", evidence, expected),
            ),
        )


def scale_rows(s: Situation, evidence: str, factor: float, expected: str) -> Move:
    """So many times the rows, within what the task allows."""
    wanted = max(MIN_ROWS, int(s.best.recipe.max_rows * factor))
    return set_recipe(s, evidence, "max_rows", min(s.spec.rules.max_rows, wanted), expected)


def set_recipe(s: Situation, evidence: str, key: str, value: int | str | bool, expected: str) -> Move:
    """Another value for a key of the recipe."""
    before = getattr(s.best.recipe, key)
    return Move(
        draft=s.best.with_recipe(**{key: value}),
        hypothesis=f"{key.replace('_', ' ')} of {before} holds the model back; {value} is better",
        evidence=evidence,
        changes=(planned(f"recipe.{key}", before, value, evidence, expected),),
    )


def scale_train(s: Situation, evidence: str, key: str, factor: float, expected: str) -> Iterator[Move]:
    """So many times the value of a key of the training, within its bounds."""
    before = getattr(s.best.train, key)
    value = int(before * factor) if isinstance(before, int) else float(f"{before * factor:.3g}")
    low, high = BOUNDS[key]
    if not low <= value <= high:
        return
    yield Move(
        draft=s.best.with_train(**{key: value}),
        hypothesis=f"{key.replace('_', ' ')} of {before:g} is too {'low' if factor > 1 else 'high'}",
        evidence=evidence,
        changes=(planned(f"train.{key}", before, value, evidence, expected),),
    )


def compound(s: Situation, draft: Draft, hypothesis: str, evidence: str, expected: str) -> Move:
    """All that is different in another draft."""
    made = edits.differences(s.best, draft, s.spec)
    return Move(
        draft=draft,
        hypothesis=hypothesis,
        evidence=evidence,
        changes=tuple(planned(key, before, after, evidence, expected) for key, (before, after) in made.items()),
    )


def moved(s: Situation, effect: Effect, steps: int) -> str:
    """The value of a key some steps in the direction in which it helps; empty where the practice ends."""
    key, name = effect.change.key, effect.change.key.rpartition(".")[2]
    if effect.change.to is not None:
        return effect.change.to
    value = edits.scaled(s.best, s.spec, key, 2.0 ** (steps if s.gain(effect.change, 1.0) > 0 else -steps))
    low, high = BOUNDS.get(name, (0.0, math.inf))
    return f"{value:.10g}" if low <= value <= high else ""


def planned(key: str, before: object, after: object, because: str, expected: str) -> PlannedChange:
    """A change of a key, with its values as text."""
    return PlannedChange(key=key, before=str(before), after=str(after), because=because, expected=expected)
