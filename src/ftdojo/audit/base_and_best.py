"""The base model and the best model of a run, to ask them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ftdojo import models
from ftdojo.contract.result import RunResult
from ftdojo.episode.setting import Setting
from ftdojo.errors import UsageError
from ftdojo.record import Home, Ledger, RunFolder
from ftdojo.record.events import RunBegun
from ftdojo.record.history import History
from ftdojo.tasks.spec import Task


@dataclass(frozen=True, slots=True)
class ModelsOfRun:
    """The folders of the two models, and the task whose prompts they know."""

    base: Path
    best: Path
    iteration: int
    """Of the best model."""
    task: Task
    result: RunResult | None
    """``None`` while the run has not ended."""


def find_models(run: Path, *, home: Home, task: str | None = None) -> ModelsOfRun:
    """Return the base model and the best model of a run.

    Args:
        run: the folder of the run.
        home: where the base model is cached.
        task: where the task is, if its folder was moved after the run.

    Raises:
        UsageError: if no model was better than the base model, or if the model, the base or the task is not here.
    """
    with Ledger(run, writable=False) as ledger:
        history = History(ledger)
        begun, number, result = history.first(RunBegun), history.best, history.finished
    if begun is None or not number:
        raise UsageError(
            f"no model of {run} was better than the base model", fix="there is nothing to ask: use the base model"
        )
    folder, configuration = RunFolder(run).model, begun.configuration
    if not folder.is_dir():
        raise UsageError(f"{folder} is missing", fix="finish the run, or use the folder where the run was made")
    setting = Setting.prepare(configuration.options(task or begun.task), home=home).as_recorded(configuration)
    if setting.digests["model"] != configuration.digests["model"]:
        raise UsageError(
            f"the base model {configuration.model} changed since {run} was begun",
            fix="restore the model that the run was made with",
        )
    return ModelsOfRun(setting.base, models.resolve(str(folder), home.root), number, setting.task, result)
