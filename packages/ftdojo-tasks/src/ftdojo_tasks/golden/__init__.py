"""Golden outputs: digests of a task's outputs. They are the task's version, so no version number is raised by hand.

``golden.toml`` of a family has a table for each of its tasks:

- ``specification``: the digest of its :class:`~ftdojo.contract.task_spec.TaskSpec`;
- ``twin``: the digest of every generated file;
- ``prompts``: the digest of the chat turns of all validation and test items;
- ``scores``: the digest of the verdicts and metrics on gold answers, blank ones, a constant one and others, for the
  first items of both splits;
- ``hub``: the digest of the files that the builder of the published data makes from the small mirror in its test. The
  published data itself is not included; a change of the builder that does not affect the mirror is not detected;
- ``formerly``: earlier versions of the same content. A run that recorded one of them is a run of this task.

A test compares them with the outputs of the code. After an intended change:

    python -m ftdojo_tasks.golden --write
    FTDOJO_WRITE_GOLDEN=1 pytest packages/ftdojo-tasks/tests -k hub     (for ``hub`` alone)

This drops ``formerly`` of a task that has changed. If only words have changed, but neither the input of a model nor the
scoring, write the previous version into it by hand.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import replace
from importlib.resources import files
from typing import Any

from ftdojo import digest
from ftdojo.schema import StrictModel
from ftdojo.tasks.spec import Task

FILE = "golden.toml"
MISSING = "unmeasured"
"""The version of a task that ``golden.toml`` does not have; a test fails for it."""


class Golden(StrictModel):
    """The table of one task."""

    specification: str
    twin: dict[str, str]
    """Path of a generated file -> its digest."""
    prompts: str
    scores: str
    hub: str = ""
    formerly: tuple[str, ...] = ()

    @property
    def content(self) -> dict[str, Any]:
        """The content that the version is computed from."""
        return self.model_dump(mode="json", exclude={"formerly"})

    @property
    def version(self) -> str:
        """The identity of the content."""
        return digest.of_value(self.content)


def versioned(family: str, tasks: Iterable[Task]) -> tuple[Task, ...]:
    """The tasks of a family (the name of its package) with the versions that its ``golden.toml`` gives them."""
    known = read(family)
    found = []
    for task in tasks:
        golden = known.get(task.spec.id)
        version, formerly = (golden.version, golden.formerly) if golden else (MISSING, ())
        found.append(replace(task, version=version, formerly=formerly))
    return tuple(found)


def read(family: str) -> dict[str, Golden]:
    """Task id -> its table; empty if the family has no file yet."""
    file = files(family) / FILE
    if not file.is_file():
        return {}
    tables = tomllib.loads(file.read_text("utf-8"))
    return {name: Golden.model_validate(table) for name, table in tables.items()}
