"""A run's own models: opened as folders, and the one from which a training starts as one that recipes may ask."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from ftdojo.contract.call import START
from ftdojo.contract.method_config import MethodConfig
from ftdojo.contract.recipe import Recipe
from ftdojo.contract.submission import Submission
from ftdojo.episode.ancestry import Ancestry
from ftdojo.episode.outcome import Outcome
from ftdojo.episode.train_stage import MODEL
from ftdojo.inference.own_model import OwnModel
from ftdojo.record import Stage
from ftdojo.training import trainer_of

Model = Callable[[], AbstractContextManager[Path]]
"""Opens the folder of an exported model."""


def asks_start(admitted: Submission) -> bool:
    """Whether the recipe asks the model from which the training starts."""
    return isinstance(admitted.program, Recipe) and admitted.program.asks == START


def serve_start(
    admitted: Submission, number: int | None, trained: Stage | None, ancestry: Ancestry, base: Path
) -> OwnModel | None:
    """Return the model that the recipe asks; ``None`` if it asks none of the run's iterations.

    Args:
        admitted: the submission.
        number: of the iteration from which its training starts; ``None`` for the base model.
        trained: the trained model of that iteration.
        ancestry: the iterations of the run.
        base: folder of the base model.
    """
    if number is None or trained is None or not asks_start(admitted):
        return None
    config, weights = ancestry.config(number), trained.path / MODEL
    return OwnModel(lambda: _exported(base, config, weights), trained.digest)


def export_model(outcome: Outcome, base: Path, folder: Path) -> None:
    """Write the merged model of an outcome to ``folder``, which plain transformers can load."""
    if outcome.trained is None or outcome.submission is None:
        raise ValueError("nothing was trained")
    trainer_of(outcome.submission.train).export(base, outcome.trained, folder)


def open_model(outcome: Outcome, base: Path) -> Model:
    """Return what opens the folder of an outcome's exported model."""
    if outcome.trained is None or outcome.submission is None:
        raise ValueError("nothing was trained")
    config, weights = outcome.submission.train, outcome.trained
    return lambda: _exported(base, config, weights)


@contextlib.contextmanager
def _exported(base: Path, config: MethodConfig, trained: Path) -> Iterator[Path]:
    """The merged model of trained weights, in a folder that is then deleted."""
    with tempfile.TemporaryDirectory(prefix="ftdojo-export-") as folder:
        trainer_of(config).export(base, trained, Path(folder))
        yield Path(folder)
