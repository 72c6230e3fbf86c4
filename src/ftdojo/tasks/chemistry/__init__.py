"""ChemCoTBench: tasks on molecules (arXiv 2505.21318). Importing this package does not import RDKit."""

from __future__ import annotations

from ftdojo.tasks.chemistry import mol_und
from ftdojo.tasks.spec import Task


def tasks() -> tuple[Task, ...]:
    """The tasks of this family."""
    return (mol_und.TASK,)
