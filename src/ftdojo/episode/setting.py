"""The inputs of a run, a check or an export: a task with its data, a base model, and an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ftdojo import inference, models, sandbox, tasks
from ftdojo.contract.call import Call
from ftdojo.contract.configuration import Configuration
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Progress, Silent
from ftdojo.data import TaskData, prepare, read_items, require
from ftdojo.episode.guard import Guard, prepare_guards
from ftdojo.findings import Finding
from ftdojo.gates import Gates, check_limits, settle
from ftdojo.gateway import Access
from ftdojo.gateway.judge import Judge
from ftdojo.judge import RunReplies, bind_judge
from ftdojo.models.resident import Resident
from ftdojo.record import Home
from ftdojo.record.history import History, list_judge_calls
from ftdojo.tasks.judged import without_judge
from ftdojo.tasks.own_prompts import TaskWithPrompts, require_prompts, with_prompts
from ftdojo.tasks.spec import Task

_OTHER_FORM = Finding(
    code="other_prompts",
    severity="warning",
    message="the documented templates of the raw data keep the task's own prompts, and the model is asked with others",
    where="--prompts",
    fix="write rows with the prompts that are asked; few-shot examples have the documented form",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A task with its data and a base model, prepared on this machine."""

    options: RunOptions
    """With the variant of the data that was chosen, and what thinking could be set to. The task is an id or the path of
    a folder, as it was given."""
    task: Task
    data: TaskData
    base: Path
    """The folder of the base model, with the run's chat template."""
    home: Home
    guards: tuple[Guard, ...] = ()
    """The tasks that a trained model must not forget."""
    resident: Resident = field(default_factory=Resident, compare=False, repr=False)
    """Lends the network of the base model."""

    @classmethod
    def prepare(cls, options: RunOptions, *, home: Home, progress: Progress | None = None) -> Setting:
        """Find the task, prepare the base model and the task's data.

        Raises:
            UsageError: for an unknown name.
        """
        shown = progress or Silent()
        inference.identity(options.engine)
        name, found = tasks.get(options.task, runner=sandbox.run_user_code).variant(options.variant)
        require(found, name, home)
        # The model first: a name that does not exist is found at once, while a task's data may take long to make.
        shown.update("setup", 0, 2, "preparing the base model")
        base, thinking = models.set_prompting(
            models.resolve(options.model, home.root),
            home.root,
            thinking=options.thinking,
            chat_template=options.chat_template,
        )
        shown.update("setup", 1, 2, "preparing the task's data")
        data = prepare(found, name, home)
        asked = with_prompts(found, options.prompts)
        if isinstance(asked, TaskWithPrompts):
            require_prompts(asked, [*read_items(data.validation), *read_items(data.sealed_test)])
        shown.end("setup", f"{found.spec.id} ({name}), {options.model}")
        for message in data.copies:
            shown.end("data", message)
        chosen = options.model_copy(update={"variant": name, "thinking": thinking})
        guards = prepare_guards(chosen.guard, found, home, reasoning_tokens=chosen.reasoning_tokens)
        task = asked.with_thinking(chosen.reasoning_tokens).with_methods(chosen.methods)
        return cls(options=chosen, task=task, data=data, base=base, home=home, guards=guards)

    def with_judge(self, history: History, record: Callable[[Call], None], progress: Progress) -> Setting:
        """Return the setting with a scorer that asks the judge of its task, if it has one: see :func:`bind_judge`."""
        replies = RunReplies(list_judge_calls(history), record)
        return replace(self, task=bind_judge(self.task, self.options, replies, progress=progress))

    def gates(self, llm: Access | None) -> Gates:
        """Return the gates of submissions; ``llm``: the models that data programs may ask."""
        return Gates(
            task=without_judge(self.task),
            data=self.data,
            base=self.base,
            judge=partial(Judge, self.options.task, self.variant),
            engine=self.options.engine,
            llm=llm,
            resident=self.resident,
        )

    @property
    def variant(self) -> str:
        """The name of the variant of the data."""
        assert self.options.variant is not None
        return self.options.variant

    def check_limits(self) -> list[Finding]:
        """Return warnings about prompts and answers for which the model has no room, in the validation items and those
        of the guard tasks.

        Raises:
            InputError: if no answer to a task could be right.
        """
        found = check_limits(without_judge(self.task), read_items(self.data.validation), self.base)
        if isinstance(self.task, TaskWithPrompts) and self.task.rows_differ:
            found.append(_OTHER_FORM)
        for guard in self.guards:
            for finding in check_limits(guard.task, read_items(guard.data.validation), self.base):
                found.append(finding.model_copy(update={"where": f"--guard {guard.id}"}))
        return settle(found)

    def show_limits(self, progress: Progress) -> None:
        """Show the warnings of :meth:`check_limits`, with its errors."""
        for warning in self.check_limits():
            progress.say(f"warning: {warning.message}; {warning.fix}")

    def as_recorded(self, configuration: Configuration | None) -> Setting:
        """Return the setting of a run that was begun earlier. It has the recorded task version if that one has the
        same content, so that stages stored under it are found, and the embedded model as it was converted then."""
        if configuration is None:
            return self
        then = configuration.digests
        task = self.task.as_recorded(then["task"])
        data = self.data if task is self.task else prepare(task, self.variant, self.home)
        base = models.resolve_recorded(self.base, self.options.model, then["model"], self.home.root)
        guards = tuple(guard.as_recorded(configuration.guard.get(guard.id), self.home) for guard in self.guards)
        return replace(self, task=task, data=data, base=base, guards=guards)

    @property
    def digests(self) -> dict[str, str]:
        """The identity of the data, the task and the base model."""
        return {**self.data.digests, "task": self.task.version, "model": models.digest(self.base)}
