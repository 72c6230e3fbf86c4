"""A guard against forgetting: tasks on which a trained model must not be worse than the base model by a margin.

The validation items of each guard task, up to :data:`MOST_ITEMS`, are answered by the base model once, and by a model
that would be accepted. The rule of the verdict is in :mod:`ftdojo.stats.noninferiority`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from ftdojo import sandbox, tasks
from ftdojo.contract.configuration import GuardTask
from ftdojo.contract.protocol import Decision
from ftdojo.contract.result import GuardScore, Score
from ftdojo.contract.task_spec import Record
from ftdojo.data import TaskData, prepare, read_items, require
from ftdojo.episode.sequential import Schedule
from ftdojo.errors import UsageError
from ftdojo.findings import Finding
from ftdojo.record import Home
from ftdojo.stats import interleave, judge_loss
from ftdojo.tasks.judged import Judged
from ftdojo.tasks.scoring import compare, summarize
from ftdojo.tasks.spec import ItemScore, Task

MOST_ITEMS = 100
"""Items of a guard task that are asked. Which ones is the same in all runs."""
STAGE = "guard "
"""The stages of answers to guard tasks have this and the task's id for a name."""
FORGOTTEN, UNCLEAR = "forgotten", "guard_unclear"
"""Codes of findings."""


@dataclass(frozen=True)
class Guard:
    """A task that a trained model must not forget, prepared on this machine."""

    task: Task
    variant: str
    data: TaskData
    place: str
    """Where the task is: its id, or the absolute path of its folder."""

    @classmethod
    def prepare(cls, given: str, home: Home, *, reasoning_tokens: int = 0) -> Guard:
        """Find a task and prepare its default data.

        Args:
            given: the id of a task, or its folder.
            home: where data is cached.
            reasoning_tokens: tokens that an answer may have for reasoning.

        Raises:
            UsageError: if there is no such task, or a language model judges it.
        """
        variant, task = tasks.get(given, runner=sandbox.run_user_code).variant(None)
        if isinstance(task.scorer, Judged):
            raise UsageError(f"{given} is judged by a language model", fix="name a guard task with another scorer")
        require(task, variant, home)
        place = str(Path(given).absolute()) if Path(given).is_dir() else given
        return cls(task.with_thinking(reasoning_tokens), variant, prepare(task, variant, home), place)

    def as_recorded(self, then: GuardTask | None, home: Home) -> Guard:
        """Return the guard with the version of its task that a run recorded, if that has the same content."""
        task = self.task if then is None else self.task.as_recorded(then.task)
        return self if task is self.task else replace(self, task=task, data=prepare(task, self.variant, home))

    @property
    def id(self) -> str:
        """The id of its task."""
        return self.task.spec.id

    @property
    def identity(self) -> GuardTask:
        """What a run records of it."""
        return GuardTask(variant=self.variant, task=self.task.version, items=self.data.digests["validation"])

    @cached_property
    def schedule(self) -> Schedule | None:
        """Which items are asked; ``None`` for all of them."""
        return choose_items(read_items(self.data.validation))

    @contextmanager
    def asked(self) -> Iterator[TaskData]:
        """Its data with the items that are asked as the validation items. Their file is removed at the end."""
        if self.schedule is None:
            yield self.data
            return
        items = read_items(self.data.validation)
        with TemporaryDirectory(prefix="ftdojo-guard-") as folder:
            path = Path(folder) / "asked.jsonl"
            path.write_text("".join(json.dumps(items[i]) + "\n" for i in self.schedule.part(MOST_ITEMS)), "utf-8")
            yield replace(self.data, validation=path)


def prepare_guards(given: Sequence[str], task: Task, home: Home, *, reasoning_tokens: int) -> tuple[Guard, ...]:
    """Return the guard tasks of a run.

    Args:
        given: ids of tasks, or folders.
        task: the run's own task.
        home: where data is cached.
        reasoning_tokens: tokens that an answer may have for reasoning.

    Raises:
        UsageError: if there is no such task, or if a task is named twice or is the run's own.
    """
    found = tuple(Guard.prepare(name, home, reasoning_tokens=reasoning_tokens) for name in given)
    known = [task.spec.id]
    for guard in found:
        if guard.id in known:
            what = "the task of the run" if guard.id == task.spec.id else "named twice"
            raise UsageError(f"--guard: {guard.id} is {what}", fix="name other tasks, each once, with ids of their own")
        known.append(guard.id)
    return found


def choose_items(items: Sequence[Record]) -> Schedule | None:
    """Return which items of a guard task are asked, with the same share of every sub-task; ``None`` for all of them."""
    if len(items) <= MOST_ITEMS:
        return None
    return Schedule(tuple(interleave([str(item.get("subtask", "")) for item in items])), (MOST_ITEMS,))


def compare_with_base(task: Task, model: Sequence[ItemScore], base: Sequence[ItemScore], margin: float) -> GuardScore:
    """Return what a model keeps of a task.

    A point is a hundredth of the best value of the metric, or of the base model's score if that is larger, as for
    errors, whose best value is 0.

    Args:
        task: supplies the metric.
        model: verdicts on the answers of the model.
        base: verdicts on those of the base model, on the same items.
        margin: how many points the model may lose.
    """
    spec, before = task.spec, summarize(task, base)
    point = (max(spec.best_value, abs(before.value)) or 1.0) / 100
    gap = compare(task, model, base).scaled((1 if spec.higher_is_better else -1) / point)
    return GuardScore(
        task=spec.id,
        base=Score.of(spec.metric, before),
        model=Score.of(spec.metric, summarize(task, model)),
        difference=gap.value,
        interval=(gap.low, gap.high),
        margin=margin,
        verdict=judge_loss(gap, margin),
    )


def decide_guarded(decision: Decision, scores: Sequence[GuardScore]) -> Decision:
    """Return the decision on a model that is better on validation, given what it keeps of the guard tasks."""
    if not scores:
        return decision
    lost = [score for score in scores if not score.passed]
    reason = f"{decision.reason}; guard: {'; '.join(map(str, scores))}"
    if lost:
        reason = f"not shown to keep a guard task: {'; '.join(map(str, lost))}; otherwise {decision.reason}"
    return decision.model_copy(update={"accepted": not lost, "guard": list(scores), "reason": reason})


def describe_losses(scores: Sequence[GuardScore]) -> list[Finding]:
    """Return a warning for each guard task that was forgotten, or has too few items to say."""
    found = []
    for score in scores:
        if score.verdict == "kept":
            continue
        code, what, fix = (
            UNCLEAR,
            "no loss was measured, and none can be excluded",
            "name a guard task with more items, or raise --guard-margin",
        )
        if score.verdict == "lost":
            code, what = FORGOTTEN, "the model is not shown to keep a guard task"
            fix = (
                "mix in rows of the kind that is forgotten, lower learning_rate, train fewer epochs, or train adapters "
                "in place of all weights"
            )
        message = f"{what}: {score}; the base model scores {score.base}, this model {score.model}"
        found.append(
            Finding(code=code, gate=5, severity="warning", message=message, where=f"{STAGE}{score.task}", fix=fix)
        )
    return found
