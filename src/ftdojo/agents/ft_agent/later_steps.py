"""Moves that go on from the best model's weights: over further rows, its own answers, preferences, and rewards."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from ftdojo.agents import forecast, practice
from ftdojo.agents.draft import Draft
from ftdojo.agents.ft_agent.moves import ALMOST, MIN_ROWS, Move, available, has_more_rows, planned, used_rows
from ftdojo.agents.ft_agent.situation import Situation
from ftdojo.contract.call import MAX_TOKENS, START
from ftdojo.contract.methods import parse_config
from ftdojo.contract.recipe import Recipe, Sample
from ftdojo.contract.submission import PlannedChange
from ftdojo.contract.train_config import WeightsConfig

LEAST_STEP = 0.25
"""Of the step before, below which going on is not worth an iteration."""
SAMPLING_SHARE = 0.3
"""Of the time that is left, in which a model may answer rows before it is trained."""


def go_on(s: Situation, evidence: str) -> Iterator[Move]:
    """The best model learns on from its weights, over rows that it has not seen where there are some."""
    if draft := _continued(s, s.supervised.recipe.model_copy(update={"sample": Sample()})):
        yield Move(
            draft=draft,
            hypothesis=f"the model of iteration {s.iteration.number} has not learned all that the rows teach",
            evidence=evidence,
            changes=_continuation(s, draft, evidence),
        )


def on_top(s: Situation, moves: Iterable[Move]) -> Iterator[Move]:
    """Changes to the data, for a training that goes on from the best model where that is possible."""
    for move in moves:
        if draft := _continued(s, move.draft.recipe):
            changes = (*move.changes, *_continuation(s, draft, move.evidence))
            yield replace(move, draft=draft, changes=changes)
        else:
            yield move


def _continued(s: Situation, recipe: Recipe) -> Draft | None:
    """A training on rows of ``recipe`` that goes on from the best model; ``None`` if it cannot, or not long enough, or
    did so as often as there are rates to try."""
    tries, own = s.continuations, s.own
    if not s.can_go_on or tries >= len(practice.CONTINUED_RATES):
        return None
    before = forecast.estimate_work(own, s.observation)
    passes = ALMOST * s.further * before
    if passes < LEAST_STEP * before:
        return None
    used = used_rows(s)
    unseen = has_more_rows(s)
    rows = max(MIN_ROWS, int(min(passes, available(s)))) if unseen else forecast.count_rows(s.supervised, s.observation)
    epochs = math.floor(100 * min(practice.REPEATS, passes / rows)) / 100
    return Draft(
        recipe.model_copy(update={"max_rows": rows, "skip": recipe.skip + used if unseen else recipe.skip}),
        s.supervised.with_train(
            start=s.iteration.number,
            learning_rate=float(f"{s.best.train.learning_rate * practice.CONTINUED_RATES[tries]:.2g}"),
            schedule=practice.FALLING if s.takes_all else practice.STEADY,
            warmup_ratio=practice.warmup_ratio(rows * epochs),
            epochs=epochs,
            eval_fraction=practice.held_out_share(rows),
            seed=own.train.seed + 1 + tries,
        ).train,
    )


def _continuation(s: Situation, draft: Draft, evidence: str) -> tuple[PlannedChange, ...]:
    before, after = s.supervised, draft
    rate = "to learn on at a lower rate keeps more of what was learned"
    fall = "the rate falls in the last training that the time allows, and in no earlier one"
    time = f"the time that is left holds {s.stretch:.1f} times the last training"
    made = (
        ("train.start", before.train.start, after.train.start, evidence, "the score rises from where it is"),
        (
            "train.learning_rate",
            f"{before.train.learning_rate:g}",
            f"{after.train.learning_rate:g}",
            rate,
            "the loss begins near where it ended",
        ),
        ("train.schedule", before.train.schedule, after.train.schedule, fall, "the loss falls further at the end"),
        (
            "train.warmup_ratio",
            f"{before.train.warmup_ratio:g}",
            f"{after.train.warmup_ratio:g}",
            "the optimizer begins anew",
            "the loss does not rise at first",
        ),
        ("train.epochs", f"{before.train.epochs:g}", f"{after.train.epochs:g}", time, "none"),
        ("recipe.sample.samples", before.recipe.sample.samples, after.recipe.sample.samples, evidence, "none"),
        ("recipe.skip", before.recipe.skip, after.recipe.skip, "rows that were not seen teach more", "none"),
        ("recipe.max_rows", before.recipe.max_rows, after.recipe.max_rows, time, "none"),
    )
    return tuple(planned(*change) for change in made if change[1] != change[2])


def own_answers(s: Situation, evidence: str) -> Iterator[Move]:
    """The best model answers raw rows several times, and learns on from its right answers: they are in its own words,
    and rows that it gets right only sometimes teach most (Yuan et al. 2023, arXiv 2308.01825)."""
    if draft := _asked(s, otherwise="answer"):
        hypothesis = f"the model of iteration {s.iteration.number} can answer more than it does in one try"
        expected = "rows that the model gets right only sometimes are answered rightly"
        yield _from_samples(s, draft, hypothesis, evidence, expected)


def drop_contradicted(s: Situation, evidence: str) -> Iterator[Move]:
    """The best model learns on from rows whose labels it does not contradict (Northcutt et al. 2021, arXiv
    1911.00068). Where there are rows that it has not seen, it was trained on the others."""
    if draft := _asked(s, keep=0, contradicted="drop"):
        hypothesis = f"labels that the model of iteration {s.iteration.number} contradicts are wrong"
        yield _from_samples(s, draft, hypothesis, evidence, "the loss falls further, because fewer labels are wrong")


def drop_mastered(s: Situation, evidence: str, mastered: float) -> Iterator[Move]:
    """The best model learns on from rows that it does not answer rightly every time (Mindermann et al. 2022, arXiv
    2206.07137). ``mastered``: the share of the others, 0 to 1."""
    draft = _asked(s, keep=0, mastered="drop")
    if draft and draft.recipe.max_rows * (1 - mastered) >= MIN_ROWS:
        hypothesis = f"most rows have nothing left to teach to the model of iteration {s.iteration.number}"
        yield _from_samples(s, draft, hypothesis, evidence, "more of the rows that it gets wrong are answered rightly")


def _asked(s: Situation, **sample: Any) -> Draft | None:
    """A training that goes on from the best model, on rows that it first answers several times, as many as it can
    answer in its share of the time; ``None`` if these are too few. ``sample``: further keys of ``sample``."""
    asked = Sample(samples=practice.SAMPLES, model=START, max_tokens=_answer_tokens(s), **sample)
    draft = _continued(s, s.supervised.recipe.model_copy(update={"sample": asked}))
    left = s.observation.remaining.get("wall_s", math.inf)
    answers = SAMPLING_SHARE * left / forecast.answer_s(s.observation)
    if draft is None or (most := int(min(answers / practice.SAMPLES, draft.recipe.max_rows))) < MIN_ROWS:
        return None
    return draft.with_recipe(max_rows=most)


def _from_samples(s: Situation, draft: Draft, hypothesis: str, evidence: str, expected: str) -> Move:
    """A move whose rows depend on samples: with what is different in them."""
    before, after = s.supervised.recipe.sample, draft.recipe.sample
    changed = [
        planned(f"recipe.sample.{key}", getattr(before, key), getattr(after, key), evidence, expected)
        for key in ("model", "keep", "mastered", "contradicted")
        if getattr(before, key) != getattr(after, key)
    ]
    return Move(draft, hypothesis, evidence, (*_continuation(s, draft, evidence), *changed))


def preferences(s: Situation, evidence: str, pairs: str) -> Iterator[Move]:
    """The best model learns on from pairs of a right and a wrong answer, at a tenth of the rate (``dpo``)."""
    last, number = s.supervised, s.iteration.number
    if "dpo" not in s.spec.rules.methods or not s.can_go_on:
        return
    sample = Sample(samples=1, model=START, max_tokens=_answer_tokens(s), keep=0)
    changed = {"pairs": pairs, "skip": 0, **({"sample": sample} if pairs == "sample" else {})}
    before = last.train
    train = _after_supervised(
        s,
        method="dpo",
        learning_rate=float(f"{before.learning_rate * practice.PREFERENCE_RATE:.2g}"),
        warmup_ratio=practice.warmup_ratio(last.recipe.max_rows),
        epochs=1.0,
        batch_size=before.batch_size,
        gradient_accumulation=before.gradient_accumulation,
        sft_weight=practice.PREFERENCE_SFT,
    )
    draft = Draft(last.recipe.model_copy(update=changed), train)
    made = (
        ("train.method", before.method, "dpo", evidence, "the right answer is likelier than the wrong one"),
        ("train.start", before.start, number, "preferences refine a model that answers in the right form", "none"),
        ("train.learning_rate", f"{before.learning_rate:g}", f"{train.learning_rate:g}", "a tenth keeps its form", ""),
        ("recipe.pairs", last.recipe.pairs, pairs, "a wrong answer of its own, or another one of a closed set", ""),
    )
    yield Move(
        draft=draft,
        hypothesis=f"the model of iteration {number} does not tell right answers from likely wrong ones",
        evidence=evidence,
        changes=tuple(planned(*change) for change in made),
    )


def rewards(s: Situation, evidence: str) -> Iterator[Move]:
    """The best model answers prompts several times, and learns from the task's scores of its answers, at a tenth of the
    rate (``grpo``): for as long as it could learn on from right answers."""
    if "grpo" not in s.spec.rules.methods or not s.can_go_on:
        return
    last, number, unseen = s.supervised, s.iteration.number, has_more_rows(s)
    rate = float(f"{last.train.learning_rate * practice.REWARD_RATE:.2g}")
    train = _after_supervised(
        s,
        method="grpo",
        learning_rate=rate,
        group_size=practice.GROUP,
        batch_size=1,
        gradient_accumulation=practice.PROMPTS,
    )
    data = {"items": True, "pairs": "none", "sample": Sample()}
    skip = last.recipe.skip + used_rows(s) if unseen else last.recipe.skip
    draft = Draft(last.recipe.model_copy(update={**data, "skip": skip}), train)
    work = ALMOST * s.further * forecast.estimate_work(s.own, s.observation)
    most = available(s) if unseen else forecast.count_rows(last, s.observation)
    prompts = int(min(most, work / forecast.row_work(draft, s.own, s.iteration, s.observation)))
    if prompts < MIN_ROWS:
        return
    warmup = practice.warmup_ratio(practice.SMALL_BATCH * prompts / practice.PROMPTS)
    draft = draft.with_recipe(max_rows=prompts).with_train(epochs=1.0, warmup_ratio=warmup)
    made = (
        ("train.method", last.train.method, "grpo", evidence, "right answers that are found seldom become frequent"),
        ("train.start", last.train.start, number, "rewards refine a model that is sometimes right", "none"),
        ("train.learning_rate", f"{last.train.learning_rate:g}", f"{rate:g}", "a tenth keeps its form", "none"),
        ("recipe.items", last.recipe.items, True, "the scorer reads the right answer in the item", "none"),
        ("recipe.skip", last.recipe.skip, skip, "rows that were not learned from say more", "none"),
        ("recipe.max_rows", last.recipe.max_rows, prompts, "answers take time: as many as fit", "none"),
    )
    yield Move(
        draft=draft,
        hypothesis=f"the model of iteration {number} finds right answers that it does not give at once",
        evidence=evidence,
        changes=tuple(planned(*change) for change in made if change[1] != change[2]),
    )


def _after_supervised(s: Situation, **keys: Any) -> WeightsConfig:
    """A training of another method that goes on from the best model, with the same kind of weights."""
    last = s.supervised.train
    shared = {
        "weights": last.kind,
        "start": s.iteration.number,
        "schedule": practice.FALLING,
        "max_length": last.max_length,
        "seed": last.seed,
        **({"lora": last.adapter.model_dump()} if last.adapter else {}),
    }
    train = parse_config({**shared, **keys}, where="train")
    assert isinstance(train, WeightsConfig)
    return train


def _answer_tokens(s: Situation) -> int:
    """Most tokens of a sample: as of an answer of the task, if a data program may ask for so many."""
    return min(s.spec.max_new_tokens, MAX_TOKENS)
