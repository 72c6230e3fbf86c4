"""FinanceIQ: multiple-choice questions of Chinese financial examinations."""

from __future__ import annotations

from ftdojo.tasks.finance import financeiq
from ftdojo.tasks.spec import Task


def tasks() -> tuple[Task, ...]:
    """The tasks of this family."""
    return (financeiq.TASK,)
