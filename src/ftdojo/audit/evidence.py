"""The evidence of an audit: the record of a run, and the matching data, models and stages on this machine."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ftdojo import digest, models, sandbox, tasks
from ftdojo.contract import submission
from ftdojo.contract.configuration import Configuration
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import RunResult
from ftdojo.contract.task_spec import Record
from ftdojo.data import TaskData, find, read_items
from ftdojo.episode.guard import STAGE, choose_items
from ftdojo.episode.sequential import Schedule, schedule_for
from ftdojo.errors import FtdojoError, UsageError
from ftdojo.gateway.judge import Judge
from ftdojo.judge import bind_recorded
from ftdojo.record import Home, Ledger, RunFolder
from ftdojo.record.events import BaselineMeasured, RunBegun, TestScored
from ftdojo.record.history import History, list_judge_calls
from ftdojo.record.store import MANIFEST, faults
from ftdojo.tasks.own_prompts import with_prompts
from ftdojo.tasks.spec import Task
from ftdojo.training import Grading

KINDS = {"data": "rows", "train": "models", "evaluate": "predictions"}
"""Stage of an iteration -> its kind in the store. Those of guard tasks are predictions, too."""
CLOSE = 1e-6
"""Tolerance between a number and its recomputation: another machine may add in another order."""

MALFORMED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, OSError)
"""What reading content raises that has lost its form."""


class Unreadable(Exception):  # noqa: N818 - an answer, not an error of ours
    """The ledger cannot be read."""


class Unchecked(Exception):  # noqa: N818 - an answer, not an error
    """A check cannot be made here; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class Made:
    """The recorded stages of the base model or of an iteration."""

    label: str
    digests: dict[str, str]
    contents: dict[str, str]
    start: int | None = None
    """The iteration from which its training started; ``None`` for the base model."""

    @property
    def stages(self) -> list[str]:
        """The names of its stages in the store."""
        return [name for name in self.digests if name in KINDS or name.startswith(STAGE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """How the folder of a run was made, if it is not the one that the run wrote: see :mod:`ftdojo.bench.packed`."""

    base: Path | None = None
    """Where its base model is: the recorded name does not say it. ``None`` if it is not on this machine."""
    withheld: frozenset[int] = frozenset()
    """The numbers of events of which the copy does not have the whole payload."""
    manifests: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """Digest of a stage -> its manifest, for stages that are not in the store of this machine."""
    merged_here: bool = False
    """Whether the best model was merged from its adapter on this machine, which may round differently."""


class Evidence:
    """The record of a run, and the things it names, as far as this machine has them. They are looked up, never made."""

    def __init__(self, run: Path, ledger: Ledger, home: Home, task: str | None, copy: Copy | None = None) -> None:
        self.folder, self.ledger, self.home = RunFolder(run), ledger, home
        self.is_copy, self.copy = copy is not None, copy or Copy()
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
            raise UsageError(f"the run in {run} has not ended", fix="run the command that began it again to finish it")
        if ruling is None:
            raise Unreadable("it has a result, but neither a score on test nor why there is none")
        self.finished: RunResult = finished
        self.configuration: Configuration = begun.configuration
        self.place = task or begun.task
        """Where the task is: its id, or its folder."""
        self.guard_places = begun.guard
        self.baseline = Made("the base model", baseline.digests, baseline.contents)
        self._stage_faults: dict[tuple[str, str, str], list[str]] = {}

    @property
    def made(self) -> list[Made]:
        """The base model's stages, then those of every iteration."""
        every = self.iterations
        return [self.baseline, *(Made(f"iteration {i.number}", i.digests, i.contents, i.start) for i in every)]

    @cached_property
    def task(self) -> Task:
        """The run's task, if it is here in the version of the run."""
        try:
            _, task = tasks.get(self.place, runner=sandbox.run_user_code).variant(self.configuration.variant)
        except FtdojoError as error:
            raise Unchecked(f"the task is not on this machine: {error.message}; --task names its folder") from None
        task = with_prompts(task, self.configuration.prompts)
        task = task.as_recorded(then := self.configuration.digests["task"])
        if task.version != then:
            raise Unchecked(f"the task here is version {task.version}, the run's was {then}")
        task = task.with_thinking(self.configuration.options(self.place).reasoning_tokens)
        return bind_recorded(task, self.configuration.judge, list_judge_calls(self.history))

    @property
    def grading(self) -> Grading:
        """The task and its scorer, for methods whose rows are items of the task."""
        return Grading(self.task, partial(Judge, self.place, self.configuration.variant))

    @cached_property
    def prepared(self) -> TaskData:
        """The data of the task as it was prepared here."""
        data = find(self.task, self.configuration.variant, self.home)
        if data is None:
            raise Unchecked(f"the task's data is not prepared below {self.home.data}, or was changed")
        return data

    @property
    def data(self) -> TaskData:
        """The data of the task, if it is the data of the run."""
        if self.data_faults():
            raise Unchecked("the data here is not the run's: see 'data'")
        return self.prepared

    def data_faults(self) -> list[str]:
        """Return the differences between the data here and the run's."""
        here, then = self.prepared.digests, self.configuration.digests
        return [
            f"{name}: {then.get(name)} in the run, {here[name]} here" for name in here if here[name] != then.get(name)
        ]

    @cached_property
    def base(self) -> Path:
        """The base model of the run."""
        name, recorded = self.configuration.model, self.configuration.digests["model"]
        folder = self.copy.base if self.is_copy else models.find_recorded(name, recorded, self.home.root)
        if folder is None:
            raise Unchecked(f"the base model {self.configuration.model} is not on this machine")
        wanted = self.configuration
        folder, _ = models.set_prompting(
            folder, self.home.root, thinking=wanted.thinking, chat_template=wanted.chat_template
        )
        return folder

    @cached_property
    def base_digest(self) -> str:
        """The digest of the base model on this machine."""
        return models.digest(self.base)

    def base_faults(self) -> list[str]:
        """Return the differences between the base model here and the run's."""
        here, then = self.base_digest, self.configuration.digests["model"]
        return [f"{self.configuration.model}: {then} in the run, {here} here"] if here != then else []

    @cached_property
    def items(self) -> list[Record]:
        """The validation items."""
        return read_items(self.data.validation)

    @cached_property
    def schedule(self) -> Schedule | None:
        """In which parts submissions answered the validation items; ``None`` if all at once."""
        return schedule_for(self.task, self.items, sequential=self.configuration.sequential)

    def guard(self, name: str) -> tuple[Task, list[Record], Schedule | None]:
        """Return a guard task of the run by its id, its items, and which of them were asked."""
        then, place = self.configuration.guard[name], self.guard_places[name]
        try:
            task = tasks.get(place, runner=sandbox.run_user_code).variant(then.variant)[1].as_recorded(then.task)
        except FtdojoError as error:
            raise Unchecked(f"the guard task {name} is not on this machine: {error.message}") from None
        data = find(task, then.variant, self.home) if task.version == then.task else None
        if data is None or data.digests["validation"] != then.items:
            raise Unchecked(f"the guard task {name} is not prepared below {self.home.data} as it was in the run")
        items = read_items(data.validation)
        return task, items, choose_items(items)

    def submission(self, number: int) -> Path:
        """Return the folder of a submission in the record."""
        return self.folder.submission(number)

    def changed(self, iteration: Iteration) -> bool:
        """Return whether a submission was changed after it was submitted.

        If no digest was recorded because the submission could not be read, the plans are compared.
        """
        folder, recorded = self.submission(iteration.number), iteration.digests.get("submission")
        return digest.of_folder(folder) != recorded if recorded else submission.read(folder).plan != iteration.plan

    def stage(self, made: Made, name: str) -> Path:
        """Return the folder of a stage in the store, whether or not it exists."""
        recorded = made.digests[name]
        if len(recorded) != digest.LENGTH or not recorded.isalnum():  # a path would lead elsewhere
            raise ValueError(f"{made.label}: {recorded!r} is not a digest of a stage")
        kind = "predictions" if name.startswith(STAGE) else KINDS[name]
        return self.home.stages / kind / recorded

    def is_stored(self, made: Made, name: str) -> bool:
        """Return whether a stage is in the store of this machine."""
        folder = self.stage(made, name)
        return not folder.is_symlink() and (folder / MANIFEST).is_file()

    def manifest(self, made: Made, name: str) -> dict[str, Any]:
        """Return the manifest of a stage, from the store of this machine or from the copy of the run.

        Raises:
            Unchecked: if neither has it.
        """
        folder = self.stage(made, name)
        if self.is_stored(made, name):
            found: dict[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))
            return found
        if folder.name not in self.copy.manifests:
            raise Unchecked(f"{made.label}: its stage '{name}' is not below {self.home.stages}")
        return self.copy.manifests[folder.name]

    def stage_faults(self, made: Made, name: str) -> list[str]:
        """Return how a stage differs from its record. Of one that is not in the store, the manifest alone is compared.

        Raises:
            Unchecked: if there is no manifest of it.
        """
        folder = self.stage(made, name)
        key = (name, folder.name, made.contents.get(name, ""))
        if key not in self._stage_faults:
            manifest = self.manifest(made, name)
            found = faults(folder, manifest["files"]) if self.is_stored(made, name) else []
            if digest.of_value(manifest["key"]) != folder.name:
                found.append("the inputs in its manifest do not match its digest")
            if key[2] and digest.of_value(manifest["files"]) != key[2]:
                found.append("its files are not those of the record")
            self._stage_faults[key] = [f"{made.label}, {name}: {fault}" for fault in found]
        return self._stage_faults[key]

    def recorded_stage(self, made: Made, name: str) -> Path:
        """Return the folder of a stage that matches the record.

        Raises:
            Unchecked: if it does not, or if it is not in the store of this machine.
        """
        if not self.is_stored(made, name):
            raise Unchecked(f"{made.label}: its stage '{name}' is not below {self.home.stages}")
        if self.stage_faults(made, name):
            raise Unchecked(f"{made.label}: its stage '{name}' is not the recorded one: see 'stages'")
        return self.stage(made, name)

    @property
    def test_scored(self) -> TestScored:
        """The recorded test scores."""
        scored = self.history.first(TestScored)
        if scored is None:
            raise Unchecked("the run was disqualified: nothing was scored on test")
        return scored


def line(error: Exception) -> str:
    """Return an error as one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
