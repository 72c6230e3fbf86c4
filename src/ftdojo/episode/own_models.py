"""A run's own models as language models that its data programs may ask."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ftdojo.contract.call import START
from ftdojo.contract.method_config import MethodConfig
from ftdojo.contract.recipe import Recipe
from ftdojo.contract.submission import Submission
from ftdojo.episode.ancestry import Ancestry
from ftdojo.episode.setting import Setting
from ftdojo.episode.train_stage import MODEL
from ftdojo.gates import open_trained
from ftdojo.inference import open_model
from ftdojo.inference.own_model import OwnModel
from ftdojo.inference.sampled import SampledModel
from ftdojo.record import Stage
from ftdojo.training import trainer_of


def serve_base(setting: Setting) -> OwnModel:
    """Return the base model."""
    return OwnModel(partial(open_model, SampledModel, setting.base, setting.resident), setting.digests["model"])


def serve_trained(setting: Setting, config: MethodConfig, trained: Path, digest: str) -> OwnModel:
    """Return a model that was trained with ``config``: its weights are in ``trained``, its stage is ``digest``."""
    trainer = trainer_of(config)
    opened = partial(open_trained, SampledModel, trainer, setting.base, trained, setting.resident)
    return OwnModel(opened, digest)


def asks_start(admitted: Submission) -> bool:
    """Whether the recipe asks the model from which the training starts."""
    return isinstance(admitted.program, Recipe) and admitted.program.asks == START


def serve_start(
    admitted: Submission, number: int | None, trained: Stage | None, ancestry: Ancestry, setting: Setting
) -> OwnModel | None:
    """Return the model that the recipe asks; ``None`` if it asks none of the run's iterations.

    Args:
        admitted: the submission.
        number: of the iteration from which its training starts; ``None`` for the base model.
        trained: the trained model of that iteration.
        ancestry: the iterations of the run.
        setting: of the run.
    """
    if number is None or trained is None or not asks_start(admitted):
        return None
    return serve_trained(setting, ancestry.config(number), trained.path / MODEL, trained.digest)
