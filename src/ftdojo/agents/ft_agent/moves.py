"""Moves of the playbook: changes to the best draft, with the numbers they rest on and what they should do to them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ftdojo.agents import forecast, practice
from ftdojo.agents.draft import Draft
from ftdojo.agents.ft_agent import edits
from ftdojo.agents.ft_agent.effects import Effect
from ftdojo.agents.ft_agent.situation import GROWTH, LEAST_GROWTH, Situation
from ftdojo.contract.call import MAX_TOKENS, START
from ftdojo.contract.method_config import BASE
from ftdojo.contract.methods import parse_config
from ftdojo.contract.recipe import Recipe, Sample
from ftdojo.contract.submission import PlannedChange
from ftdojo.contract.train_config import WeightsConfig

ALMOST = 0.99
"""Of the time that is left: passes are rounded."""
BALANCED_SHARE = 0.6
"""Of all rows, that are kept to have even answers."""
LEAST_STEP = 0.25
"""Of the step before, below which going on is not worth an iteration."""
DROPOUT = 0.1
SEEDS = 2
"""Other seeds that are tried from one draft."""
SAMPLING_SHARE = 0.3
"""Of the time that is left, in which a model may answer rows before it is trained."""
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
    used = _used_rows(s)
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
    return tuple(_change(*change) for change in made if change[1] != change[2])


def with_falling_rate(move: Move) -> Move:
    """A training that begins anew from the base model is a whole one: its rate falls, also where that of the first step
    of several did not; unless it is a step itself."""
    before = move.draft.train
    if move.is_step or before.start != BASE or before.schedule != practice.STEADY:
        return move
    because = "no training is planned that goes on from this one"
    fall = _change("train.schedule", before.schedule, practice.FALLING, because, "the loss falls further at the end")
    return replace(move, draft=move.draft.with_train(schedule=practice.FALLING), changes=(*move.changes, fall))


def more_rows(s: Situation, evidence: str) -> Iterator[Move]:
    """As many more rows as time allows, if all that were asked for were used and there are more."""
    if has_more_rows(s):
        yield rows(s, evidence, s.growth, "the held-out loss falls, the gap to the training loss does not grow")


def balance(s: Situation, evidence: str, expected: str) -> Iterator[Move]:
    """Answers drawn evenly. Where all rows are used already, only fewer of them can be more even."""
    if s.best.recipe.balance == "completion":
        return
    if has_more_rows(s):
        yield recipe(s, evidence, "balance", "completion", expected)
    elif (fewer := int(BALANCED_SHARE * _used_rows(s))) >= MIN_ROWS:
        yield compound(
            s,
            s.best.with_recipe(balance="completion", max_rows=fewer),
            "frequent answers outweigh the rare ones",
            evidence,
            expected,
        )


def has_more_rows(s: Situation) -> bool:
    """Whether there are rows that the best draft does not use."""
    used = _used_rows(s)
    return used >= s.best.recipe.max_rows * 0.95 and available(s) >= LEAST_GROWTH * used


def available(s: Situation) -> int:
    """Rows that the raw files of the best draft have at most, within what the task allows."""
    return forecast.count_rows(s.best.with_recipe(max_rows=10**6), s.observation)


def _used_rows(s: Situation) -> int:
    """Rows of the mixture that the best draft has taken, with those that samples removed from it."""
    data = s.feedback.data
    return data.rows + (data.sampled.dropped if data.sampled else 0) if data else 0


def more_passes(s: Situation, evidence: str, expected: str) -> Iterator[Move]:
    """Twice as many passes over the rows, or as many more as time allows."""
    factor = min(GROWTH, ALMOST * s.stretch)
    if factor >= LEAST_GROWTH:
        yield from train(s, evidence, "epochs", factor, expected)


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
            _change("train.method", before.method, "full", evidence, "the loss ends lower, and more answers are right"),
            _change("train.learning_rate", before.learning_rate, rate, "full weights take a tenth of the rate", "none"),
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
            changes=(_change("train.lora.dropout", 0, DROPOUT, evidence, "the held-out loss rises later"),),
        )


def other_seed(s: Situation, evidence: str) -> Iterator[Move]:
    """The same training with other first weights of the adapters and another order of the rows."""
    for seed in range(s.best.train.seed + 1, s.best.train.seed + 1 + SEEDS):
        yield Move(
            draft=s.best.with_train(seed=seed),
            hypothesis="another draw of the same training may end better",
            evidence=evidence,
            changes=(_change("train.seed", s.best.train.seed, seed, evidence, "as good, or better by chance"),),
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
            changes=(_change("train.lora.rank", lora.rank, wider.rank, evidence, "the training loss ends lower"),),
        )


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
        _change(f"recipe.sample.{key}", getattr(before, key), getattr(after, key), evidence, expected)
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
        changes=tuple(_change(*change) for change in made),
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
    skip = last.recipe.skip + _used_rows(s) if unseen else last.recipe.skip
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
        changes=tuple(_change(*change) for change in made if change[1] != change[2]),
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
                _change(f"recipe.sources.{subtask}.weight", f"{before:g}", f"{2 * before:g}", evidence, expected),
            ),
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
    value = int(before * factor) if isinstance(before, int) else float(f"{before * factor:.3g}")
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
