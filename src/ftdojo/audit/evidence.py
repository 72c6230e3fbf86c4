"""What an audit looks at: the record of a run, and whether what this machine has is what the record names."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ftdojo import digest, models, sandbox, tasks
from ftdojo.contract import submission
from ftdojo.contract.configuration import Configuration
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import RunResult
from ftdojo.contract.task_spec import Record
from ftdojo.data import TaskData, find, read_items
from ftdojo.errors import FtdojoError, UsageError
from ftdojo.record import Home, Ledger, RunFolder
from ftdojo.record.events import BaselineMeasured, RunBegun, TestScored
from ftdojo.record.history import History
from ftdojo.record.store import MANIFEST, faults
from ftdojo.tasks.spec import Task

KINDS = {"data": "rows", "train": "models", "evaluate": "predictions"}
"""Stage of an iteration -> its kind in the store."""
CLOSE = 1e-6
"""Numbers that were computed twice may differ by this much: another machine adds in another order."""


class Unreadable(Exception):  # noqa: N818 - an answer, not an error of ours
    """The ledger is none any more."""


class Unchecked(Exception):  # noqa: N818 - an answer, not an error
    """A check cannot be made here; says why."""


@dataclass(frozen=True, slots=True)
class Made:
    """What the record says was made: by the base model, or by an iteration."""

    label: str
    digests: dict[str, str]
    contents: dict[str, str]


class Evidence:
    """The record of a run, and what this machine has of the things that it names. Looked up, never made."""

    def __init__(self, run: Path, ledger: Ledger, home: Home, task: str | None) -> None:
        self.folder, self.ledger, self.home = RunFolder(run), ledger, home
        self.history = History(ledger)
        try:
            self.events = self.history.events
            self.iterations = self.history.iterations
            finished = self.history.finished
            begun, baseline = self.history.first(RunBegun), self.history.first(BaselineMeasured)
            ruling = self.history.test
        except (ValueError, KeyError, TypeError, sqlite3.Error) as error:
            raise Unreadable(line(error)) from error
        if finished is None or begun is None or baseline is None:
            raise UsageError(f"the run in {run} has not ended", fix="the command that began it takes it up again")
        if ruling is None:
            raise Unreadable("it has a result, but neither a score on test nor why there is none")
        self.finished: RunResult = finished
        self.configuration: Configuration = begun.configuration
        self._given = task or begun.task
        self.baseline = Made("the base model", baseline.digests, baseline.contents)
        self._believed: dict[tuple[str, str, str], list[str]] = {}

    @property
    def made(self) -> list[Made]:
        """The base model's stages, then those of every iteration."""
        return [self.baseline, *(Made(f"iteration {i.number}", i.digests, i.contents) for i in self.iterations)]

    @cached_property
    def task(self) -> Task:
        """The run's task, if it is here in the version of the run."""
        try:
            _, task = tasks.get(self._given, runner=sandbox.run_user_code).variant(self.configuration.variant)
        except FtdojoError as error:
            raise Unchecked(f"the task is not on this machine: {error.message}; --task names its folder") from None
        task = task.as_recorded(then := self.configuration.digests["task"])
        if task.version != then:
            raise Unchecked(f"the task here is version {task.version}, the run's was {then}")
        return task

    @cached_property
    def prepared(self) -> TaskData:
        """The data of the task as it was prepared here."""
        data = find(self.task, self.configuration.variant, self.home)
        if data is None:
            raise Unchecked(f"the task's data is not prepared below {self.home.data}, or is not as it was made")
        return data

    @property
    def data(self) -> TaskData:
        """The data of the task, if it is what the run had."""
        if self.data_faults():
            raise Unchecked("the data here is not the run's: see 'data'")
        return self.prepared

    def data_faults(self) -> list[str]:
        """How the data here differs from the run's."""
        here, then = self.prepared.digests, self.configuration.digests
        return [
            f"{name}: {then.get(name)} in the run, {here[name]} here" for name in here if here[name] != then.get(name)
        ]

    @cached_property
    def base(self) -> Path:
        """The base model of the run."""
        folder = models.find(self.configuration.model, self.home.root)
        if folder is None:
            raise Unchecked(f"the base model {self.configuration.model} is not on this machine")
        return folder

    @cached_property
    def base_digest(self) -> str:
        """The identity of the base model that is here."""
        return models.digest(self.base)

    def base_faults(self) -> list[str]:
        """How the base model here differs from the run's."""
        here, then = self.base_digest, self.configuration.digests["model"]
        return [f"{self.configuration.model}: {then} in the run, {here} here"] if here != then else []

    @cached_property
    def items(self) -> list[Record]:
        """The validation items."""
        return read_items(self.data.validation)

    def submission(self, number: int) -> Path:
        """The folder of a submission in the record."""
        return self.folder.submission(number)

    def changed(self, iteration: Iteration) -> bool:
        """Whether a submission is another one than when it was handed in.

        Of one that could not be read, no digest was recorded; then what was read of it is compared.
        """
        folder, told = self.submission(iteration.number), iteration.digests.get("submission")
        return digest.of_folder(folder) != told if told else submission.read(folder).plan != iteration.plan

    def stage(self, made: Made, name: str) -> Path:
        """Where the store has, or would have, a stage."""
        told = made.digests[name]
        if len(told) != digest.LENGTH or not told.isalnum():  # a path would lead elsewhere
            raise ValueError(f"{made.label}: {told!r} is no digest of a stage")
        return self.home.stages / KINDS[name] / told

    def stage_faults(self, made: Made, name: str) -> list[str]:
        """How a stage differs from what the record says of it.

        Raises:
            Unchecked: if it is not in the store of this machine.
        """
        folder = self.stage(made, name)
        key = (name, folder.name, made.contents.get(name, ""))
        if key not in self._believed:
            if not (folder / MANIFEST).is_file():
                raise Unchecked(f"{made.label}: its stage '{name}' is not below {self.home.stages}")
            manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
            found = faults(folder, manifest["files"])
            if digest.of_value(manifest["key"]) != folder.name:
                found.append("its manifest names other inputs than its digest stands for")
            if key[2] and digest.of_value(manifest["files"]) != key[2]:
                found.append("its files are not those of the record")
            self._believed[key] = [f"{made.label}, {name}: {fault}" for fault in found]
        return self._believed[key]

    def believed(self, made: Made, name: str) -> Path:
        """The folder of a stage that is as recorded."""
        if self.stage_faults(made, name):
            raise Unchecked(f"{made.label}: its stage '{name}' is not the recorded one: see 'stages'")
        return self.stage(made, name)

    @property
    def test_scored(self) -> TestScored:
        """What is recorded of the scores on test."""
        scored = self.history.first(TestScored)
        if scored is None:
            raise Unchecked("the run was disqualified: nothing was scored on test")
        return scored


def line(error: Exception) -> str:
    """An error on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
