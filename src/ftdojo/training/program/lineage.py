"""Lineage of what a training program leaves: the base model's architecture, tokenizer and tensors, not moved too far.

The steps of a stranger's program bound nothing. So the task states how far a tensor may move: the Frobenius norm of the
change, as a share of the tensor's own norm. An adapter also changes the matrices that it is on, by its rank at most.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from ftdojo.training.program.config import ProgramConfig
from ftdojo.training.sft.lineage import structure_faults, weight_faults

if TYPE_CHECKING:
    import torch

USUAL = 0.02
"""A usual standard deviation of initial weights. It stands for the size of a tensor that is nearly zero, such as a new
bias, whose own norm would allow no change."""


def find_faults(base: Path, model: Path, config: ProgramConfig) -> list[str]:
    """Return the reasons why a program with ``config`` may not leave the exported ``model``; empty if it may."""

    def limit(before: torch.Tensor, after: torch.Tensor) -> str | None:
        size = max(float(before.float().norm()), USUAL * math.sqrt(before.numel()))
        share = float((after.float() - before.float()).norm()) / size
        if share <= config.max_change:
            return None
        return f"moved by {share:.2g} of its norm, max_change is {config.max_change:g}"

    return structure_faults(base, model) or weight_faults(base, model, config.adapter, limit)
