"""What is judged: the answers of one model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ftdojo.contract.task_spec import Record
from ftdojo.tasks.spec import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The answers of one model to items of a task."""

    task: Task
    place: str
    """Where the task is: its id, or its folder."""
    items: Sequence[Record]
    outputs: Sequence[str]
    """One for each item."""
