"""The first iteration, before anything is known but the task, the base model and the speed."""

from __future__ import annotations

from typing import Any

from ftdojo.agents import PLAYBOOK, forecast
from ftdojo.agents import draft as drafts
from ftdojo.agents.draft import Proposal
from ftdojo.agents.ft_agent.diagnosis import told
from ftdojo.agents.ft_agent.moves import MIN_ROWS
from ftdojo.agents.ft_agent.situation import GROWTH
from ftdojo.contract.protocol import Observation
from ftdojo.contract.submission import Plan, PlannedChange

PILOT_ROWS = 1024
"""Enough rows to learn an answer's form."""
PILOT_SHARE = 0.125
"""The pilot may train for this share of the wall clock that is left; on a slow machine it has fewer rows."""
PILOT_TRAIN: dict[str, Any] = {
    "method": "lora",
    "learning_rate": 1e-3,
    "epochs": 1,
    "batch_size": 8,
    "max_length": 1024,
    "eval_fraction": 0.06,
    "lora": {"rank": 16, "alpha": 32},
}


def pilot(observation: Observation) -> Proposal:
    """The first iteration: all sources, moderate training, in an eighth of the time."""
    spec, base = observation.task, observation.baseline
    affordable = int(_pilot_s(observation) * observation.train_rows_per_s / PILOT_TRAIN["epochs"])
    rows = max(MIN_ROWS, min(PILOT_ROWS, affordable))
    draft = drafts.first(spec, rows=rows, seed=observation.seed, train=PILOT_TRAIN)
    changes = [
        PlannedChange(
            key="recipe.sources",
            before="none",
            after=f"{len(draft.recipe.sources)} raw files, answers rendered in the scorer's form",
            because=f"the base model's outputs have that form in {base.parsed:.0%} of the items",
            expected="nearly all outputs have the answer's form",
        ),
        PlannedChange(
            key="train",
            before="untouched",
            after=f"LoRA rank 16, learning rate 1e-3, one epoch of {draft.recipe.max_rows} rows",
            because="a pilot of moderate size shows fit and speed before time is spent on more",
            expected="the loss falls and levels off",
        ),
    ]
    plan = Plan(
        parent=0,
        hypothesis="the base model does not know the answer's form; teaching the form alone gains most",
        evidence=[f"baseline: {base.score}, parsed {base.parsed:.0%}, errors: {told(base.errors)}"],
        focus="both",
        changes=changes,
        by=PLAYBOOK,
    )
    return Proposal(plan, draft)


def _pilot_s(observation: Observation) -> float:
    """Seconds of training for the pilot: not less than what an iteration takes beside it, and all that there are if no
    larger iteration could follow."""
    left, beside = observation.remaining.get("wall_s", observation.task.rules.wall_s), forecast.beside(observation)
    seconds = max(PILOT_SHARE * left, beside)
    followed = left - (seconds + beside) >= GROWTH * seconds + beside
    return seconds if followed else max(0.0, left / forecast.RESERVE - beside)
