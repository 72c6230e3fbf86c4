"""The training speed of this machine with this model on this task's questions, measured once per machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ftdojo import models
from ftdojo.contract.progress import Progress
from ftdojo.contract.row import Row
from ftdojo.contract.train_config import TrainConfig
from ftdojo.data import read_items
from ftdojo.episode.setting import Setting
from ftdojo.record import Store
from ftdojo.training import resident_argument, trainer_of

ROWS, STEPS = 32, 4
CHARS = 1000
"""Longer questions are cut to this length, because the measurement must be short and fit into any memory. The measured
time is scaled to the full length."""


def train_rows_per_s(setting: Setting, store: Store, progress: Progress) -> float:
    """Return the rows per second of a LoRA training, with rows as long as the task's questions."""
    key = {
        "base": models.digest(setting.base),
        "compute": str(models.compute()),
        "validation": setting.data.digests["validation"],
        "sizes": [ROWS, STEPS, CHARS],
        "of": "whole questions",
    }

    def build(folder: Path) -> dict[str, Any]:
        questions = [setting.task.question(item) for item in read_items(setting.data.validation)[:ROWS]]
        cut = [text[:CHARS] for text in questions]
        rows = [Row(({"role": "user", "content": text},), "ok") for text in cut]
        config = TrainConfig(batch_size=ROWS // STEPS, epochs=1)
        trainer = trainer_of(config)
        examples = trainer.tokenize(rows, setting.base, max_length=config.max_length).examples
        lent = resident_argument(trainer, setting.resident)
        result = trainer.train(examples, config, setting.base, folder, **lent)
        tokens = sum(e.tokens for e in examples) * sum(map(len, questions)) / sum(map(len, cut))
        return {"rows_per_s": result.steady_tokens_per_s * len(examples) / tokens}

    progress.update("speed", 0, 1, "a few steps of training, to measure the speed")
    stage = store.make("speed", key, build)
    progress.end("speed", f"{stage.facts['rows_per_s']:.1f} rows/s")
    return float(stage.facts["rows_per_s"])
