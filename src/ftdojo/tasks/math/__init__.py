"""AIME: competition problems with integer answers. Importing this package does not import SymPy."""

from __future__ import annotations

from ftdojo.tasks.math import aime
from ftdojo.tasks.spec import Task


def tasks() -> tuple[Task, ...]:
    """The tasks of this family."""
    return (aime.AIME25, aime.AIME24)
