"""The answers of a model to the validation items of a task, as a run lets it answer them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ftdojo import tasks
from ftdojo.contract.progress import Silent
from ftdojo.contract.task_spec import Record
from ftdojo.data import prepare
from ftdojo.episode.evaluation import Prediction
from ftdojo.episode.predict import Stop, predict
from ftdojo.episode.sequential import Schedule
from ftdojo.inference import TRANSFORMERS, open_engine
from ftdojo.record import Home, Stage, Store


def predict_validation(
    task: Path, model: Path, root: Path, *, schedule: Schedule | None = None, stop: Stop | None = None
) -> tuple[Stage, list[Record], list[Prediction]]:
    """See :func:`ftdojo.episode.predict.predict`. ``root`` is the folder of prepared data and of stages."""
    variant, found = tasks.get(str(task)).variant(None)
    return predict(
        found,
        prepare(found, variant, Home(root)).validation,
        partial(open_engine, TRANSFORMERS, model),
        "m",
        Store(root / "stages"),
        Silent(),
        label="validation",
        schedule=schedule,
        stop=stop,
    )
