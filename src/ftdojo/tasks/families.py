"""Task families of installed distributions, found by entry points in the group ``ftdojo.tasks``.

An entry point names a function without arguments that returns the family's tasks. It should import nothing heavy:
families are loaded to list the tasks. Nobody names a family, as plug-ins are named (:mod:`ftdojo.plugins`): all of them
are loaded, so one that cannot be is a fault of the installation, not of a command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from ftdojo.errors import PrerequisiteError
from ftdojo.tasks.spec import Task

GROUP = "ftdojo.tasks"
BENCHMARKS = "ftdojo-tasks"
"""The distribution of the benchmark families of this repository."""
INSTALL = f"pip install ./packages/{BENCHMARKS}"
"""In a copy of the repository: it is on no package index."""


def installed() -> list[EntryPoint]:
    """Return the entry points of all families, sorted by name."""
    return sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value))


def benchmarks_installed() -> bool:
    """Whether the benchmark families of this repository are among the installed ones."""
    return any(distribution(entry) == BENCHMARKS for entry in installed())


def load_family(entry: EntryPoint) -> tuple[Task, ...]:
    """Load the tasks of one family.

    Raises:
        PrerequisiteError: naming the distribution, if the family cannot be loaded or returns something else.
    """
    try:
        function: Callable[[], Iterable[Task]] = entry.load()
        tasks = tuple(function())
    except Exception as error:
        raise _broken(entry, f"{type(error).__name__}: {error}") from error
    if strange := [task for task in tasks if not isinstance(task, Task)]:
        raise _broken(entry, f"{entry.value} returns {type(strange[0]).__name__}, not Task")
    return tasks


@cache
def tasks() -> dict[str, Task]:
    """Load the tasks of all families, by id.

    Raises:
        PrerequisiteError: if a family is broken, or two of them give a task with the same id.
    """
    found: dict[str, Task] = {}
    owner: dict[str, EntryPoint] = {}
    for entry in installed():
        for task in load_family(entry):
            name = task.spec.id
            if name in found:
                raise _broken(entry, f"{distribution(owner[name])} also has a task '{name}'")
            found[name], owner[name] = task, entry
    return found


def _broken(entry: EntryPoint, why: str) -> PrerequisiteError:
    name = distribution(entry)
    message = f"the task family '{entry.name}' of the distribution {name} cannot be used: {why}"
    return PrerequisiteError(message, fix=f"install another version of {name}, or `pip uninstall {name}`")


def distribution(entry: EntryPoint) -> str:
    """Return the name of the distribution that declares an entry point."""
    return entry.dist.name if entry.dist else "(unknown)"
