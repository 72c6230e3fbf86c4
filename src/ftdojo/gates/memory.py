"""Whether a training fits into memory, by estimate: asked at gate 1, and at gate 3 again when the rows are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ftdojo import models
from ftdojo.contract.submission import TRAIN
from ftdojo.contract.train_config import TrainConfig
from ftdojo.findings import Finding
from ftdojo.training.sft import estimate
from ftdojo.training.sft.tokens import Example, shortened

SAFETY = 1.1
"""A forecast is multiplied by this before it is held against a limit."""


def memory(gate: int, config: TrainConfig, base: Path, examples: Sequence[Example] = ()) -> Iterator[Finding]:
    """Whether the estimated peak of memory fits into what is free, and if not, what would; before rows are known, of
    the part that does not depend on them."""
    compute, info = models.compute(), models.describe(base)

    together = config.devices if compute.device == "cpu" else 1  # processes that share one memory

    def needed(changed: TrainConfig) -> float:
        rows = shortened(examples, changed.max_length)
        one = estimate.peak(rows, info, changed, compute) if rows else estimate.memory(info, changed, compute)
        return together * one

    needs, available = needed(config), estimate.available_memory(compute) / SAFETY
    if needs <= available:
        return
    message = f"needs about {needs / 2**30:.1f} GiB, {available / 2**30:.1f} GiB may be used"
    fits = estimate.largest(config, needed, available)
    fix = "choose a smaller model: no training of this one fits"
    if fits is not None:
        before, after = config.model_dump(), fits.model_dump()
        changes = ", ".join(f"{key}: {after[key]}" for key in after if after[key] != before[key])
        fix = f"{changes} (about {needed(fits) / 2**30:.1f} GiB)"
    yield Finding(code="out_of_memory", gate=gate, message=message, where=TRAIN, fix=fix)
