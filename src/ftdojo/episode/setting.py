"""What a run, a check or an export works on: a task with its data, a base model, and an engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ftdojo import inference, models, sandbox, tasks
from ftdojo.contract.configuration import Configuration
from ftdojo.contract.progress import Progress, Silent
from ftdojo.data import TaskData, prepare
from ftdojo.record import Home
from ftdojo.tasks.spec import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """All of it prepared and on this machine."""

    given: str
    """The task as its user named it: an id, or the path of a folder."""
    variant: str
    task: Task
    data: TaskData
    base: Path
    """The folder of the base model."""
    home: Home
    engine: str
    """What models answer with in evaluation."""

    @classmethod
    def prepare(
        cls,
        task: str,
        *,
        model: str,
        home: Home,
        variant: str | None = None,
        engine: str = "transformers",
        progress: Progress | None = None,
    ) -> Setting:
        """Find the task, prepare its data and the base model.

        Raises:
            UsageError: for an unknown name.
        """
        shown = progress or Silent()
        inference.identity(engine)
        name, found = tasks.get(task, runner=sandbox.run_user_code).variant(variant)
        shown.update("setup", 0, 2, "preparing the task's data")
        data = prepare(found, name, home)
        shown.update("setup", 1, 2, "preparing the base model")
        base = models.resolve(model, home.root)
        shown.end("setup", f"{found.spec.id} ({name}), {model}")
        return cls(given=task, variant=name, task=found, data=data, base=base, home=home, engine=engine)

    def as_recorded(self, configuration: Configuration | None) -> Setting:
        """The setting of a run that was begun earlier: under the task's version that it recorded, where that was one of
        the same content, so that what was stored under it is found."""
        task = self.task.as_recorded(configuration.digests["task"]) if configuration else self.task
        if task is self.task:
            return self
        return replace(self, task=task, data=prepare(task, self.variant, self.home))

    @property
    def digests(self) -> dict[str, str]:
        """The identity of the data, the task and the base model."""
        return {**self.data.digests, "task": self.task.version, "model": models.digest(self.base)}
