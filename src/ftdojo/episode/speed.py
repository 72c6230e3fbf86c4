"""The training speed of this machine with this model on this task's documented rows, measured once per machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ftdojo import models
from ftdojo.contract.progress import Progress
from ftdojo.contract.row import Row
from ftdojo.contract.train_config import TrainConfig
from ftdojo.data import read_items
from ftdojo.episode.setting import Setting
from ftdojo.episode.trivial import training_rows
from ftdojo.record import Store
from ftdojo.training import resident_argument, trainer_of

ROWS, STEPS = 32, 8
"""Four rows pass together, as in most trainings on little memory."""
CHARS = 1000
"""Longer texts are cut to this length, because the measurement must be short and fit into any memory. The measured time
is scaled to the full length."""


def train_rows_per_s(setting: Setting, store: Store, progress: Progress) -> float:
    """Return the rows per second of a LoRA training, on the documented rows of the raw data. Where these give none, the
    rows are as long as the task's questions."""
    key = {
        "base": models.digest(setting.base),
        "compute": str(models.compute()),
        "data": [setting.data.digests[part] for part in ("raw", "validation")],
        "task": setting.task.version,
        "sizes": [ROWS, STEPS, CHARS],
        "of": "documented rows",
    }

    def build(folder: Path) -> dict[str, Any]:
        rows = training_rows(setting.task.spec, setting.data, limit=ROWS) or _questions(setting)
        cut = [row.with_texts([text[:CHARS] for text in row.texts]) for row in rows]
        config = TrainConfig(batch_size=ROWS // STEPS, epochs=1)
        trainer = trainer_of(config)
        examples = trainer.tokenize(cut, setting.base, max_length=config.max_length).examples
        lent = resident_argument(trainer, setting.resident)
        result = trainer.train(examples, config, setting.base, folder, **lent)
        tokens = sum(e.tokens for e in examples) * _length(rows) / _length(cut)
        return {"rows_per_s": result.steady_tokens_per_s * len(examples) / tokens}

    progress.update("speed", 0, 1, "a few steps of training, to measure the speed")
    stage = store.make("speed", key, build)
    progress.end("speed", f"{stage.facts['rows_per_s']:.1f} rows/s")
    return float(stage.facts["rows_per_s"])


def _questions(setting: Setting) -> list[Row]:
    asked = [setting.task.question(item) for item in read_items(setting.data.validation)[:ROWS]]
    return [Row(({"role": "user", "content": text},), "ok") for text in asked]


def _length(rows: Sequence[Row]) -> int:
    """Characters of all texts."""
    return sum(len(text) for row in rows for text in row.texts)
