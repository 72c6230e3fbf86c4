"""Whether a training fits into memory, by estimate: asked at gate 1, and at gate 3 again when the rows are known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ftdojo import models
from ftdojo.dojo.submission import TRAIN
from ftdojo.findings import Finding
from ftdojo.training import TrainConfig, estimate

SAFETY = 1.1
"""A forecast is multiplied by this before it is held against a limit."""


def memory(gate: int, config: TrainConfig, base: Path, *, longest: int) -> Iterator[Finding]:
    """Whether the estimated peak of memory fits into what is free; before rows are known, the part without them."""
    compute = models.compute()
    needed = estimate.memory(models.describe(base), config, compute, longest=longest)
    available = estimate.available_memory(compute)
    if needed * SAFETY > available:
        message = f"needs about {needed / 2**30:.1f} GiB, {available / 2**30:.1f} GiB are available"
        fix = "lower batch_size or max_length" if longest else "train with method lora, or choose a smaller model"
        yield Finding(code="out_of_memory", gate=gate, message=message, where=TRAIN, fix=fix)
