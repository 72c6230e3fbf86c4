"""Which tasks there are: the built-in ones, by family, and any folder that holds a ``task.toml``."""

from __future__ import annotations

import difflib
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path

from ftdojo.errors import UsageError
from ftdojo.tasks.external import CodeRunner, RunsCode
from ftdojo.tasks.spec import Task

FAMILIES = (
    "ftdojo.tasks.biology",
    "ftdojo.tasks.chemistry",
    "ftdojo.tasks.finance",
    "ftdojo.tasks.math",
    "ftdojo.tasks.patent",
    "ftdojo.tasks.table",
)
"""Modules with a function ``tasks()``; the one place to add a family to."""


def ids() -> list[str]:
    """The ids of the built-in tasks."""
    return list(_built_in())


def get(name: str | Path, *, runner: CodeRunner | None = None) -> Task:
    """The built-in task of this id, or the task in this folder.

    Args:
        name: an id as in :func:`ids`, or the path of a folder.
        runner: runs untrusted code: the ``scorer.py`` of a folder, or what a built-in task's answers consist of.

    Raises:
        UsageError: if there is neither.
        InputError: if the folder's files are faulty.
    """
    task = _built_in().get(str(name))
    if task is not None:
        scorer = task.scorer
        if runner is not None and isinstance(scorer, RunsCode):
            return replace(task, scorer=scorer.bind(runner))
        return task
    if (Path(name) / "task.toml").is_file():
        from ftdojo.tasks.folder import load_folder

        return load_folder(Path(name), runner=runner)
    if Path(name).is_dir():
        raise UsageError(f"the folder '{name}' holds no task.toml", fix="`ftdojo task new NAME` writes a task folder")
    close = difflib.get_close_matches(str(name), ids(), n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    raise UsageError(f"there is no task '{name}'", fix=f"{hint}built-in tasks: {', '.join(ids())}; or a task folder")


@cache
def _built_in() -> dict[str, Task]:
    return {task.spec.id: task for family in FAMILIES for task in import_module(family).tasks()}
