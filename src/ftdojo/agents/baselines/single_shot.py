"""``single-shot``: one supervised fine-tuning as it is set up by hand, without a second look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ftdojo.agents import draft as drafts
from ftdojo.agents import forecast
from ftdojo.agents.draft import Proposal
from ftdojo.agents.setup import Abilities, AgentSetup
from ftdojo.contract.protocol import Observation
from ftdojo.contract.submission import Plan, PlannedChange
from ftdojo.contract.train_config import TrainConfig

EPOCHS = 3
TRAIN: dict[str, Any] = {
    "learning_rate": 2e-4,
    "epochs": EPOCHS,
    "batch_size": 4,
    "gradient_accumulation": 4,
    "warmup_ratio": 0.1,
}
"""Where guides to fine-tuning with adapters begin: two to three epochs at 1e-4 to 2e-4 with a short warm-up. All else
is the default of ``train.yaml`` (adapters of rank 16 on all linear layers, cosine schedule)."""
TRAIN_SHARE = 0.5
"""The training may take this share of the wall clock that checking and evaluation leave: rows with their answers are
longer than the questions that the speed was measured with, and its batches are small."""


class SingleShot:
    """All documented sources with answers in the scorer's form, as many rows as the rules and the clock allow, fixed
    training settings; then it stops.

    Allowed to know: the task's specification, its limits, and the measured speed of training and evaluation. It does
    not look at the baseline's outputs, and sees no feedback before it stops.
    """

    name, planner = "single-shot", ""
    abilities = Abilities()

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace

    @classmethod
    def create(cls, setup: AgentSetup) -> SingleShot:
        """See :class:`ftdojo.agents.setup.AgentClass`."""
        return cls(setup.workspace)

    def propose(self, observation: Observation) -> Path | None:
        """The one submission, or ``None`` once it was made."""
        if observation.history:
            return None
        length = min(TrainConfig().max_length, observation.model.context_length)
        train = {**TRAIN, "max_length": length, "method": drafts.usual_method(observation.task)}
        draft = drafts.first(observation.task, rows=_rows(observation), seed=observation.seed, train=train)
        folder = self._workspace / "001"
        Proposal(_plan(draft.recipe.max_rows), draft).write(folder)
        return folder


def _rows(observation: Observation) -> int:
    rules = observation.task.rules
    seconds = TRAIN_SHARE * (observation.remaining.get("wall_s", rules.wall_s) - forecast.beside(observation))
    return max(1, min(rules.max_rows, int(seconds * observation.train_rows_per_s / EPOCHS)))


def _plan(rows: int) -> Plan:
    change = PlannedChange(
        key="train",
        before="untouched",
        after=f"LoRA, learning rate {TRAIN['learning_rate']:g}, {EPOCHS} epochs, at most {rows} rows",
        because="the settings with which fine-tuning by hand begins",
        expected="better than the base model",
    )
    return Plan(
        parent=0,
        hypothesis="one training with customary settings is enough",
        evidence=[],
        focus="both",
        changes=[change],
        by=SingleShot.name,
    )
