"""Let a trained model answer: in memory where its trainer and the engine can, otherwise from a temporary folder."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ftdojo.inference import Opener, open_changed
from ftdojo.models.resident import Resident
from ftdojo.training import Trainer

M = TypeVar("M")


def open_trained(
    opener: Opener[M], trainer: Trainer[Any, Any], base: Path, trained: Path, resident: Resident | None
) -> AbstractContextManager[M]:
    """Open the model that ``trainer`` wrote to the folder ``trained``; see :func:`ftdojo.inference.open_changed`."""
    changed = trainer.changed_tensors(base, trained) if resident else None
    return open_changed(opener, base, changed, partial(trainer.export, base, trained), resident)
