"""The findings about a training program."""

from __future__ import annotations

from ftdojo.contract.script import TRAIN_SCRIPT
from ftdojo.errors import InputError
from ftdojo.findings import Finding


def program_error(code: str, message: str, fix: str, *, fits: float | None = None) -> InputError:
    """Return the error with one finding; the gate that it belongs to adds its number."""
    return InputError([Finding(code=code, message=message, where=TRAIN_SCRIPT, fix=fix, fits=fits)])
