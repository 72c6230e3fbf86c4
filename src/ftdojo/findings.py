"""A finding: one fault in something that a user or an agent handed in, said so that it can be repaired."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["error", "warning"]


class Finding(BaseModel):
    """One typed fault. ``code`` is stable and in snake case; ``gate`` is the check (0 to 5) that found it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    """What kind of fault, e.g. ``unknown_key``; agents branch on it."""
    gate: int = 0
    """0 schema, 1 static, 2 data trial, 3 tokenization, 4 micro-training, 5 micro-evaluation. The gate sets it: what a
    gate calls knows nothing of its number."""
    severity: Severity = "error"
    """An error stops the submission; a warning is told and lets it pass."""
    message: str
    """What is wrong, with the offending value."""
    where: str
    """File and, where known, key, line or row, e.g. ``train.yaml: learning_rat``."""
    fix: str
    """What to do about it."""
    fits: float | None = None
    """Of a training that takes too long, the share that would fit into the time; 0 if there is none left."""
