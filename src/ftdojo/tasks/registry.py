"""The available tasks: those of installed families, and any folder with a ``task.toml``."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from pathlib import Path

from ftdojo.errors import UsageError
from ftdojo.tasks import families
from ftdojo.tasks.external import CodeRunner, RunsCode
from ftdojo.tasks.spec import Task


def ids() -> list[str]:
    """Return the ids of the tasks of installed families.

    Raises:
        PrerequisiteError: if a family is broken.
    """
    return list(families.tasks())


def get(name: str | Path, *, runner: CodeRunner | None = None) -> Task:
    """Return the task with this id, or the task in this folder.

    Args:
        name: an id as in :func:`ids`, or the path of a folder.
        runner: runs untrusted code: the ``scorer.py`` of a folder, or answers to a family's task that are code.

    Raises:
        UsageError: if there is no such id and no such folder.
        InputError: if the folder's files are invalid.
        PrerequisiteError: if a family is broken.
    """
    task = families.tasks().get(str(name))
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
    if Path(name).is_file():
        short = re.sub(r"[^a-z0-9_-]+", "-", Path(name).stem.lower()).strip("-") or "mine"
        fix = f"`ftdojo task new {short} --from {name}` makes a task of it"
        raise UsageError(f"'{name}' is a file, not a task", fix=fix)
    raise UsageError(f"there is no task '{name}'", fix=_choices(str(name)))


def _choices(name: str) -> str:
    known = ids()
    close = difflib.get_close_matches(name, known, n=1)
    parts = [f"did you mean '{close[0]}'?"] if close else []
    if known:
        parts.append(f"installed tasks: {', '.join(known)};")
    if not families.benchmarks_installed():
        parts.append(f"`{families.INSTALL}` installs the benchmark tasks;")
    return " ".join([*parts, "or name a task folder"])
