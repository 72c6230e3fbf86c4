"""``single-shot``: one supervised fine-tuning as it is set up by hand, without a second look."""

from __future__ import annotations

from pathlib import Path

from ftdojo.agents import draft as drafts
from ftdojo.agents import forecast, practice
from ftdojo.agents.draft import Draft, Proposal
from ftdojo.agents.setup import Abilities, AgentSetup
from ftdojo.contract.protocol import Observation
from ftdojo.contract.submission import Plan, PlannedChange
from ftdojo.contract.train_config import TrainConfig

TRIES = 3
"""Submissions at most: all but the last were refused for their time before they were trained."""


class SingleShot:
    """All documented sources with answers in the scorer's form, three passes over as many rows as the rules and the
    clock allow, a learning rate by the model's width; then it stops. What it does not set has the default of
    ``train.yaml``: adapters of rank 16 on all linear layers, a cosine schedule. If the gates refuse the training
    because it would take too long, it is submitted again with the rows that fit, as anybody would do by hand.

    Allowed to know: the task's specification, its limits, the model's architecture, and the measured speed of training
    and evaluation. It does not look at the baseline's outputs, and sees no feedback on a model before it stops.
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
        """The one submission, or ``None`` once it was trained, or refused too often."""
        tries = len(observation.history)
        rows = _rows_that_fit(observation) if tries else _rows(observation)
        if not rows or tries >= TRIES:
            return None
        spec, model = observation.task, observation.model
        method = drafts.usual_method(spec)
        adapters = TrainConfig.methods[method].adapters
        passes = rows * practice.PASSES
        train = {
            "method": method,
            "learning_rate": practice.learning_rate(model.hidden_size, adapters=adapters, steps=practice.steps(passes)),
            "epochs": practice.PASSES,
            "batch_size": practice.MICRO_BATCH,
            "gradient_accumulation": practice.batch_size(passes) // practice.MICRO_BATCH,
            "warmup_ratio": practice.warmup_ratio(passes),
            "max_length": min(TrainConfig().max_length, model.context_length),
        }
        draft = drafts.first(spec, rows=rows, seed=observation.seed, train=train)
        folder = self._workspace / f"{tries + 1:03d}"
        Proposal(_plan(draft), draft).write(folder)
        return folder


def _rows(observation: Observation) -> int:
    return max(1, min(forecast.documented_rows(observation), int(forecast.row_passes(observation) / practice.PASSES)))


def _rows_that_fit(observation: Observation) -> int:
    """How many rows of the last submission fit into the time; 0 if it was not refused for its time."""
    last = observation.history[-1]
    fits = [finding.fits for finding in last.feedback.execution.findings if finding.fits is not None]
    if last.evaluated or not fits:
        return 0
    return int(drafts.read(observation.submissions[last.number]).recipe.max_rows * min(fits) / forecast.RESERVE)


def _plan(draft: Draft) -> Plan:
    train = draft.train
    change = PlannedChange(
        key="train",
        before="untouched",
        after=f"{train.method}, learning rate {train.learning_rate:g}, {train.epochs:g} epochs, at most "
        f"{draft.recipe.max_rows} rows",
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
