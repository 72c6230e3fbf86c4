"""The first iteration, before anything is known but the task, the base model and the speed: a serious training.

Where later trainings go on from its weights, it takes a share of the time, as nothing that it learns is lost. Where
they cannot, a short one would teach the form of the answers, and its time would be spent again: then it is of full
size, cut to what the clock allows.
"""

from __future__ import annotations

from typing import Any

from ftdojo.agents import PLAYBOOK, forecast, practice
from ftdojo.agents import draft as drafts
from ftdojo.agents.draft import Proposal
from ftdojo.agents.ft_agent.diagnosis import format_counts
from ftdojo.agents.ft_agent.moves import MIN_ROWS
from ftdojo.agents.practice import Size
from ftdojo.contract.protocol import Observation
from ftdojo.contract.submission import Plan, PlannedChange
from ftdojo.contract.train_config import TrainConfig
from ftdojo.plain import plural

HALF = 0.53
"""A training that is forecast to take this share of the time leaves room for another of its size, as forecasts have a
reserve."""
FIRST_STEPS = (1 / 4, 1 / 3, 1 / 2)
"""Shares of the time for the first of three or two trainings that go on from each other: a quarter, a quarter and the
rest, or as near to that as checks and evaluations allow. What it learned is kept, and what is wrong with it can be put
right while there is time."""
LEAST_TRAINED = 0.4
"""The part of that share that has to be left for the training itself, without checks and evaluation."""
MAX_LENGTH = 1024
LORA = {"rank": 16, "alpha": 32}


def first_training(observation: Observation) -> Proposal:
    """The first iteration: all sources, about three passes over all rows, or as much of that as time allows."""
    spec, base, made = observation.task, observation.baseline, size(observation)
    method = drafts.usual_method(spec)
    adapters = TrainConfig.methods[method].adapters
    passes = made.rows * made.epochs
    train: dict[str, Any] = {
        "method": method,
        "learning_rate": practice.learning_rate(
            observation.model.hidden_size, adapters=adapters, steps=practice.steps(passes)
        ),
        "schedule": practice.FALLING if first_step(observation) is None else practice.STEADY,
        "warmup_ratio": practice.warmup_ratio(passes),
        "epochs": made.epochs,
        "batch_size": practice.MICRO_BATCH,
        "gradient_accumulation": practice.batch_size(passes) // practice.MICRO_BATCH,
        "max_length": min(MAX_LENGTH, observation.model.context_length),
        "eval_fraction": practice.held_out_share(made.rows),
        "lora": LORA if adapters else None,
    }
    draft = drafts.first(spec, rows=made.rows, seed=observation.seed, train=train)
    changes = [
        PlannedChange(
            key="recipe.sources",
            before="none",
            after=f"{plural(len(draft.recipe.sources), 'raw file')}, answers rendered in the scorer's form",
            because=f"the base model's outputs have that form in {base.parsed:.0%} of the items",
            expected="nearly all outputs have the answer's form",
        ),
        PlannedChange(
            key="train",
            before="untouched",
            after=f"{method}, learning rate {train['learning_rate']:g}, {practice.batch_size(passes)} rows a step, "
            f"{made.epochs:g} {'pass' if made.epochs == 1 else 'passes'} over up to {made.rows} rows",
            because=f"training passes {observation.train_rows_per_s:.1f} rows a second, checks and evaluation "
            f"take about {forecast.overhead_s(observation):.0f} s; repeated rows teach while they are few",
            expected="the loss falls and levels off, and answers are right more often than by guessing",
        ),
    ]
    plan = Plan(
        parent=0,
        hypothesis="the rows teach the task, if they are passed often enough",
        evidence=[f"baseline: {base.score}, parsed {base.parsed:.0%}, errors: {format_counts(base.errors)}"],
        focus="both",
        changes=changes,
        by=PLAYBOOK,
    )
    return Proposal(plan, draft)


def size(observation: Observation) -> Size:
    """Rows and passes of the first training."""
    rows = max(1, forecast.documented_rows(observation))
    wanted = practice.passes(rows)
    step = first_step(observation)
    affordable = forecast.row_passes(observation, step or 1.0)
    if step is None and wanted * rows > forecast.row_passes(observation, HALF):
        # No second one would fit: all the time there is, for passes as long as they teach.
        wanted = max(wanted, practice.REPEATS)
    made = practice.size_training(rows, wanted, affordable)
    return Size(rows=max(made.rows, min(MIN_ROWS, rows)), epochs=made.epochs)


def first_step(observation: Observation) -> float | None:
    """The share of the time for the first of several trainings; ``None`` if one has to do, because later ones cannot go
    on from its weights, or because there is so little time that checks and evaluations would take too much of it."""
    facts = TrainConfig.methods[drafts.usual_method(observation.task)]
    if not (observation.warm_start and facts.continues):
        return None
    left = observation.remaining.get("wall_s", observation.task.rules.wall_s)
    spent = forecast.RESERVE * forecast.overhead_s(observation) / left
    return next((share for share in FIRST_STEPS if spent <= (1 - LEAST_TRAINED) * share), None)
