"""Checks of identity: everything here matches the record, and each stage was made from the one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftdojo.audit.evidence import Evidence, Made, Unchecked
from ftdojo.contract.call import own_model
from ftdojo.contract.method_config import BASE
from ftdojo.contract.methods import read_config
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.submission import TRAIN
from ftdojo.episode.guard import STAGE
from ftdojo.episode.rows import ROWS
from ftdojo.errors import InputError


def data(evidence: Evidence) -> list[str]:
    """The data of the task here is that of the run."""
    return evidence.data_faults()


def base(evidence: Evidence) -> list[str]:
    """The base model here is that of the run."""
    return evidence.base_faults()


def submissions(evidence: Evidence) -> list[str]:
    """The submissions are unchanged since they were submitted."""
    found = []
    for iteration in evidence.iterations:
        folder = evidence.submission(iteration.number)
        if not folder.is_dir():
            found.append(f"{folder.parent.name}/{folder.name} is missing")
        elif evidence.changed(iteration):
            found.append(f"{folder.parent.name}/{folder.name} was changed after it was submitted")
        elif "train" in iteration.digests and (said := _said_start(evidence, iteration)) != iteration.start:
            name = f"{folder.parent.name}/{folder.name}"
            found.append(f"{name} starts from iteration {said or 0}, the record says {iteration.start or 0}")
    return found


def _said_start(evidence: Evidence, iteration: Iteration) -> int | None:
    """Return the iteration from which the training of a submission starts, by its ``train.yaml``."""
    try:
        start = read_config(evidence.submission(iteration.number) / TRAIN).start
    except InputError as error:  # it was read when the run was made
        raise Unchecked(f"iteration {iteration.number} cannot be read here: {error.message}") from None
    if start == "best":
        return max((i.number for i in evidence.iterations[: iteration.number - 1] if i.accepted), default=None)
    return None if start == BASE else start


def stages(evidence: Evidence) -> list[str]:
    """Rows, models and outputs in the store are those of the record, each made from the one before."""
    found: list[str] = []
    missing: list[Unchecked] = []
    for made in evidence.made:
        try:
            for name in made.stages:
                found += evidence.stage_faults(made, name)
            found += _chain(evidence, made)
        except Unchecked as why:
            missing.append(why)
    if missing and not found:
        raise missing[0]
    return found


def _chain(evidence: Evidence, made: Made) -> list[str]:
    """Check by the manifests that a model comes from the rows and the base, and the outputs from the model."""

    def key(name: str) -> dict[str, Any]:
        found: dict[str, Any] = evidence.manifest(made, name)["key"]
        return found

    base, found = evidence.configuration.digests["model"], []
    if "data" in made.digests:
        found += _models_of_rows(evidence, made, key("data"))
    if "train" in made.digests:
        if key("train")["base"] != base:
            found.append(f"{made.label}: its model was not trained from the run's base")
        rows = evidence.manifest(made, "data")["files"][ROWS]["digest"]
        if not evidence.stage_faults(made, "data") and key("train")["rows"] != rows:
            found.append(f"{made.label}: its model was not trained on its rows")
        if key("train").get("start") != (evidence.made[made.start].digests.get("train") if made.start else None):
            found.append(f"{made.label}: its training did not start from {evidence.made[made.start or 0].label}")
    if "evaluate" in made.digests:
        if key("evaluate")["model"] != made.digests.get("train", base):
            found.append(f"{made.label}: its outputs are not those of its model")
        if key("evaluate")["items"] != evidence.configuration.digests["validation"]:
            found.append(f"{made.label}: its outputs are not on the validation items")
    for name in made.stages:
        if (task := name.removeprefix(STAGE)) == name:
            continue
        if key(name)["model"] != made.digests.get("train", base):
            found.append(f"{made.label}: its outputs on {task} are not those of its model")
        if key(name)["items"] != evidence.configuration.guard[task].items:
            found.append(f"{made.label}: its outputs on {task} are not on the items of the guard task")
    return found


def _models_of_rows(evidence: Evidence, made: Made, key: Mapping[str, Any]) -> list[str]:
    """Check that a data program could ask only the models of the run; ``key``: of the stage of its rows."""
    run, found = evidence.configuration, []
    if key.get("data_llm", run.data_llm) != run.data_llm:
        found.append(f"{made.label}: its rows were made with language models that the run does not allow")
    start = evidence.made[made.start].digests.get("train", "") if made.start else run.digests["model"]
    if key.get("start", own_model(start)) != own_model(start):
        found.append(f"{made.label}: its rows were made with another model than that from which its training started")
    return found
