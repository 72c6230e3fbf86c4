"""Let a trained model answer: in memory where its trainer and the engine can, otherwise from a temporary folder."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

from ftdojo import inference
from ftdojo.inference import Engine
from ftdojo.models.resident import Resident
from ftdojo.training import Trainer


def open_trained(
    engine: str, trainer: Trainer[Any, Any], base: Path, trained: Path, resident: Resident | None
) -> AbstractContextManager[Engine]:
    """Open the model that ``trainer`` wrote to the folder ``trained``; see :func:`ftdojo.inference.open_changed`."""
    changed = trainer.changed_tensors(base, trained) if resident else None
    return inference.open_changed(engine, base, changed, partial(trainer.export, base, trained), resident)
