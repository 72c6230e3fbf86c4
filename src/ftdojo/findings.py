"""A finding: one fault in the work of a user or an agent, described so that it can be repaired."""

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
    """0 schema, 1 static, 2 data trial, 3 tokenization, 4 micro-training, 5 micro-evaluation. The gate sets it: the
    functions that a gate calls do not know its number."""
    severity: Severity = "error"
    """An error stops the submission; a warning is reported and does not stop it."""
    message: str
    """What is wrong, with the offending value."""
    where: str
    """File and, where known, key, line or row, e.g. ``train.yaml: learning_rat``."""
    fix: str
    """What to do about it."""
    fits: float | None = None
    """For ``over_budget``: the share of the planned training that fits into the remaining time, 0 to 1."""
