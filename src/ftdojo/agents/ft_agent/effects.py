"""Attribution: what each kind of change did to the score, estimated over all iterations together.

An iteration that changes several keys says only what they do jointly; another one that changes some of them
distinguishes them. Both are rows of one linear model: the difference of an iteration to the one that it started from is
the sum of its changes' effects and of noise, whose size is known from the intervals. With a normal prior around zero
its posterior has a closed form (Bayesian linear regression, e.g. Bishop 2006, section 3.3).

An effect is one of the recipe, so the noise includes what another seed would have changed. Iterations that repeat a
submission with another seed count as further measurements of its changes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ftdojo.agents import practice
from ftdojo.agents.draft import Draft
from ftdojo.agents.ft_agent import edits
from ftdojo.agents.ft_agent.continuing import in_one
from ftdojo.contract.protocol import Iteration, Observation
from ftdojo.contract.recipe import Recipe
from ftdojo.contract.repeats import first_run, seed_variance
from ftdojo.contract.task_spec import TaskSpec
from ftdojo.contract.train_config import TrainConfig

PRIOR_SHARE = 0.1
"""The standard deviation of an effect before anything is measured, as a share of the metric's greatest value."""
SAME_RATE = 0.1
"""Doublings by which learning rates may differ that are the same but for rounding."""
Z = 1.96
"""Half a 95 % interval in standard deviations."""


@dataclass(frozen=True, slots=True)
class Change:
    """A kind of change: a number's key doubled (half of it has the opposite effect), or a key set to a value."""

    key: str
    to: str | None = None

    def __str__(self) -> str:
        return f"{self.key} doubled" if self.to is None else f"{self.key} -> {self.to[:40]}"


REWRITTEN = Change("program", "a new script")
CONTINUED = Change("train.start", "the iteration before")
"""A training that goes on is one change: its rate, rows and passes belong to it."""
OWN_ANSWERS = Change("recipe.sample.samples", "right answers of a model")
"""The same on rows that a model of the run has answered."""
CHOSEN_ROWS = Change("recipe.sample.samples", "rows chosen by samples of a model")
"""The same on rows that keep their answers, without those that a model has mastered or those that it contradicts."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change does to the core metric, in its unit and direction, with a 95 % interval."""

    change: Change
    value: float
    low: float
    high: float
    trials: Mapping[int, float]
    """Iteration in which it was tried -> how much of it."""

    def __str__(self) -> str:
        where = ", ".join(map(str, self.trials))
        return f"{self.change}: {self.value:+.1f} [{self.low:+.1f}, {self.high:+.1f}] (iteration {where})"


def measure(observation: Observation, drafts: Mapping[int, Draft], *, start: int | None = None) -> list[Effect]:
    """The effects of all changes that were evaluated against an evaluated iteration, in the order of first trial.

    Args:
        drafts: the drafts of earlier iterations that could be read.
        start: only what was tried from this iteration: effects differ from place to place.
    """
    range_ = max(observation.task.best_value, abs(observation.baseline.score.value))
    between_seeds = 2 * seed_variance(observation.history, range_=range_).value
    rows, gaps, deviations = [], [], []
    for iteration in observation.history:
        first = first_run(observation.history, iteration)
        parent = first.plan.parent if first.plan else 0
        here = parent in drafts and start in (None, parent)
        if here and iteration.number in drafts and (gap := _gap(iteration, parent, observation)):
            before = in_one(parent, drafts, observation)
            made = changes(before, drafts[iteration.number], observation.task)
            rows.append((iteration.number, {_going_on(drafts[iteration.number]): 1.0} if iteration.start else made))
            gaps.append(gap[0])
            deviations.append(math.sqrt(gap[1] ** 2 + between_seeds))
    names = list(dict.fromkeys(name for _, made in rows for name in made))
    if not names:
        return []
    design = np.array([[made.get(name, 0.0) for name in names] for _, made in rows])
    weight = 1 / np.square(deviations)
    prior = PRIOR_SHARE * range_
    covariance = np.linalg.inv(design.T @ (weight[:, None] * design) + np.eye(len(names)) / prior**2)
    mean = covariance @ design.T @ (weight * np.array(gaps))
    spread = Z * np.sqrt(np.diag(covariance))
    where = {name: {number: made[name] for number, made in rows if name in made} for name in names}
    return [
        Effect(name, float(m), float(m - s), float(m + s), where[name])
        for name, m, s in zip(names, mean, spread, strict=True)
    ]


def _going_on(draft: Draft) -> Change:
    """The change that a training is which goes on from another one: by what it learns from."""
    if not draft.supervised:
        return Change("train.method", draft.train.method)
    if isinstance(draft.program, Recipe) and draft.program.asks:
        return OWN_ANSWERS if draft.program.sample.keep else CHOSEN_ROWS
    return CONTINUED


def is_step(change: Change) -> bool:
    """Whether a change is a training that goes on from another one as a whole, and no value of a key."""
    of_method = change.key == "train.method" and change.to not in TrainConfig.methods
    return change in (CONTINUED, OWN_ANSWERS, CHOSEN_ROWS) or of_method


def changes(before: Draft, after: Draft, spec: TaskSpec) -> dict[Change, float]:
    """Change -> how much of it: the number of doublings for a number, 1 for anything else."""
    differences = edits.differences(before, after, spec)
    if isinstance(after.program, str) and after.program != before.program:
        differences = {key: pair for key, pair in differences.items() if key.startswith("train.")}
        return {REWRITTEN: 1.0, **_amounts(before, after, differences)}
    return _amounts(before, after, differences)


def _amounts(before: Draft, after: Draft, differences: Mapping[str, tuple[str, str]]) -> dict[Change, float]:
    """Of every difference. A learning rate that only follows from another method is no change of its own."""
    found = dict(amount(key, *pair) for key, pair in differences.items())
    rate, adapters = Change("train.learning_rate"), [draft.train.facts.adapters for draft in (before, after)]
    if rate in found and adapters[0] != adapters[1]:
        found[rate] -= math.log2(practice.rate_ratio(adapters_before=adapters[0], adapters_after=adapters[1]))
        if abs(found[rate]) < SAME_RATE:
            del found[rate]
    return found


def amount(key: str, before: str, after: str) -> tuple[Change, float]:
    """The change of one key, and how much of it."""
    try:
        ratio = float(after) / float(before)
    except (ValueError, ZeroDivisionError):
        ratio = 0.0
    return (Change(key), math.log2(ratio)) if ratio > 0 else (Change(key, after), 1.0)


def _gap(iteration: Iteration, parent: int, observation: Observation) -> tuple[float, float] | None:
    """The difference to the parent and its standard deviation: paired, where the parent was the best so far."""
    score, before = iteration.score, observation.history[parent - 1].score
    if score is None or before is None or iteration.decision is None:
        return None
    best = max((i.number for i in observation.history if i.accepted and i.number < iteration.number), default=0)
    if best == parent:
        gap = iteration.decision.difference
        value, spread = gap.value, gap.high - gap.low
    else:
        widths = [high - low for low, high in (score.interval, before.interval)]
        value, spread = score.value - before.value, math.hypot(*widths)
    return value, max(spread, 1e-6) / (2 * Z)
