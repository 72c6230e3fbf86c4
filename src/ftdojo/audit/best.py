"""Checks of the best model: the rows that it was trained on, and the resulting weights."""

from __future__ import annotations

from ftdojo import models
from ftdojo.audit.evidence import Evidence, Unchecked
from ftdojo.contract.method_config import MethodConfig
from ftdojo.contract.methods import read_config
from ftdojo.contract.submission import TRAIN
from ftdojo.data import read_items
from ftdojo.episode.ancestry import earlier_trainings
from ftdojo.episode.rows import ROWS
from ftdojo.errors import InputError
from ftdojo.record.history import list_ancestors
from ftdojo.training import Earlier, lineage_faults, trainer_of


def overlap(evidence: Evidence) -> list[str]:
    """The rows of the best iteration contain no item of validation or test."""
    best = evidence.history.best
    if not best:
        raise Unchecked("the best is the base model, which has no rows")
    made = evidence.made[best]
    rows = read_items(evidence.recorded_stage(made, "data") / ROWS)
    trainer = trainer_of(_config(evidence), evidence.grading)
    clean = set(evidence.data.overlap.keep([trainer.parse_row(row).texts for row in rows]))
    return [f"{made.label}: row {n} contains an evaluation item" for n in range(1, len(rows) + 1) if n - 1 not in clean]


def lineage(evidence: Evidence) -> list[str]:
    """The exported model is the one that was tested, and descends from the base by the recorded training."""
    best = evidence.history.best
    if not best:
        raise Unchecked("the best is the base model")
    scored, model = evidence.test_scored, evidence.folder.model
    if not model.is_dir():
        raise Unchecked(f"the folder of the run has no {model.name}/: it was moved or copied without")
    tested = scored.models.get("best")
    if tested and not evidence.copy.merged_here and models.digest(model) != tested:
        return [f"{model.name}/ has other files than the model that was tested"]
    if evidence.base_faults():
        raise Unchecked("the base model here is not the run's: see 'base'")
    iteration = evidence.iterations[best - 1]
    if evidence.changed(iteration):
        raise Unchecked("the submission that says how it was trained is not the recorded one: see 'submissions'")
    if any(evidence.changed(one) for one in list_ancestors(evidence.iterations, iteration.start)):
        raise Unchecked("an iteration from which its training started is not the recorded one: see 'submissions'")
    training = iteration.feedback.training
    if training is None:
        return [f"iteration {best} is the best, and no training of it is recorded"]
    earlier = earlier_trainings(evidence.iterations, evidence.folder, iteration.start)
    faults = lineage_faults(evidence.base, model, Earlier(_config(evidence), training.steps), earlier)
    return [f"{model.name}/: {fault}" for fault in faults]


def _config(evidence: Evidence) -> MethodConfig:
    """Return the training configuration of the best model."""
    try:
        return read_config(evidence.submission(evidence.history.best) / TRAIN)
    except InputError as error:  # it was read when the run was made
        raise Unchecked(f"the best submission cannot be read here: {error.message}") from None
