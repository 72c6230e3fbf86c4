"""Estimate whether a training fits into memory: at gate 1, and again at gate 3 when the rows are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ftdojo import models
from ftdojo.contract.method_config import MethodConfig
from ftdojo.contract.submission import TRAIN
from ftdojo.findings import Finding
from ftdojo.training import TokenizedRow, trainer_of

SAFETY = 1.1
"""Safety factor: a forecast is multiplied by it, or a limit divided by it, before the two are compared."""


def check_memory(
    gate: int, config: MethodConfig, base: Path, examples: Sequence[TokenizedRow] = ()
) -> Iterator[Finding]:
    """Yield a finding if the estimated peak memory exceeds the available memory; its fix is a configuration that fits.

    Before rows are known, only the part that does not depend on them is compared.
    """
    trainer = trainer_of(config)
    needs, available = trainer.memory(config, base, examples), models.available_memory(models.compute()) / SAFETY
    if needs <= available:
        return
    message = f"needs about {needs / 2**30:.1f} GiB, but only {available / 2**30:.1f} GiB are available"
    fits = trainer.shrink(config, base, examples, available)
    fix = "choose a smaller model: no training configuration of this one fits"
    if fits is not None:
        before, after = config.model_dump(), fits.model_dump()
        changes = ", ".join(f"{key}: {after[key]}" for key in after if after[key] != before.get(key))
        fix = f"{changes} (about {trainer.memory(fits, base, examples) / 2**30:.1f} GiB)"
    yield Finding(code="out_of_memory", gate=gate, message=message, where=TRAIN, fix=fix)
