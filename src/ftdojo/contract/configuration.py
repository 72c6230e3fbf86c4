"""The identity of a run. A run can be resumed only under the configuration that it began with."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Collection, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from ftdojo.contract.budget import Budget
from ftdojo.contract.options import GUARD_MARGIN, MAX_PRECHECKS, THINKING_TOKENS, RunOptions, Teachers, Thinking
from ftdojo.errors import UsageError
from ftdojo.schema import RECORDED, StrictModel

PACKAGES = ("ftdojo", "ftdojo-tasks", "torch", "transformers", "peft", "rdkit")


SAME = (
    *("variant", "model", "agent", "ladder", "warm_start", "methods", "engine", "prechecks", "sequential"),
    "seed",
    *("thinking", "thinking_tokens", "chat_template", "prompts", "guard_margin"),
)
"""Options that are copied unchanged into a run's identity."""


class GuardTask(StrictModel):
    """The identity of a task that a trained model must not forget."""

    variant: str
    task: str
    """The version of the task."""
    items: str
    """The digest of its validation items."""


class Configuration(StrictModel):
    """The identity of a run, as the ledger's first event holds it."""

    task: str
    variant: str
    model: str
    agent: str
    planner: str
    data_llm: dict[str, str] = Field(default_factory=dict)
    """The pools of language models that data programs may call: name -> ``provider:model``."""
    teachers: Teachers = Field(default_factory=lambda known: teachers_of(known.get("data_llm")))
    """The rule on these models. In runs of builds that did not record it, it follows from ``data_llm``."""
    ladder: bool = False
    """Whether agents see validation scores only of accepted submissions."""
    warm_start: bool = True
    """Whether a training may start from an earlier iteration. Older builds knew no such training."""
    methods: list[str] = Field(default_factory=list)
    """The training methods that the run allows; if there are none, those of the task. Older builds had no such rule."""
    engine: str = "transformers"
    """The inference engine of the evaluation."""
    prechecks: int = MAX_PRECHECKS
    """The limit of free checks. Older builds had none and did not record it."""
    sequential: bool = False
    """Whether evaluations may stop early. In runs of builds that did not record it, all were complete."""
    thinking: Thinking = "auto"
    """Whether the base model reasons; ``auto`` if its template has no such setting. Older builds had none."""
    thinking_tokens: int = THINKING_TOKENS
    chat_template: str | None = None
    """The name or the text of the template that is used in place of the model's own."""
    prompts: str | None = Field(None, exclude_if=lambda prompts: prompts is None)
    """The prompts that are used in place of the task's own, as JSON. It is recorded only if there are some."""
    judge: str | None = Field(None, exclude_if=lambda judge: judge is None)
    """The language model that judges outputs, without its address. It is recorded only if there is one."""
    guard: dict[str, GuardTask] = Field(default_factory=dict)
    """The tasks that a model must not forget, by their ids. Older builds had none."""
    guard_margin: float = GUARD_MARGIN
    """The default if there are no such tasks."""
    seed: int
    budget: dict[str, float | None]
    digests: dict[str, str]
    """Digests of the data and the base model, and the task's version: the contents that the names above referred to."""

    @model_validator(mode="before")
    @classmethod
    def _margin_of_older_builds(cls, value: Any) -> Any:
        """Drop a margin without guard tasks. Older builds took one, and it had no effect."""
        if isinstance(value, dict) and not value.get("guard"):
            return {name: given for name, given in value.items() if name != "guard_margin"}
        return value

    @classmethod
    def of(
        cls,
        options: RunOptions,
        *,
        task: str,
        data_llm: dict[str, str],
        budget: Budget,
        digests: dict[str, str],
        guard: Mapping[str, GuardTask] | None = None,
    ) -> Configuration:
        """Return the identity of a run with these options.

        Args:
            options: with the variant that was chosen.
            task: the id of the task.
            data_llm: pool -> model, of the models that data programs may call.
            budget: the limits in force: those of the options and of the task's rules.
            digests: of the data, the base model and the task's version.
            guard: the id of each guard task -> its identity.
        """
        same = {name: getattr(options, name) for name in SAME}
        return cls(
            **same,
            task=task,
            planner=options.planner or "",
            judge=options.judge_place[0] or None,
            data_llm=data_llm,
            teachers=options.teachers or teachers_of(data_llm),
            guard=dict(guard or {}),
            budget=asdict(budget),
            digests=digests,
        )

    def options(self, task: str, guard: Collection[str] = ()) -> RunOptions:
        """Return the options that repeat this run.

        Args:
            task: where the task is now: its id, or the path of its folder.
            guard: where its guard tasks are. Whoever only exports or checks its model needs none, and no margin.

        Raises:
            UsageError: if the record holds options that no run has.
        """
        same = {name: getattr(self, name) for name in SAME if guard or name != "guard_margin"}
        by_itself = self.teachers == "self"  # the other rules follow from the models that are named
        named = {} if by_itself else self.data_llm
        pools = tuple(f"{pool}={model}" for pool, model in named.items())
        teachers = self.teachers if by_itself else None
        models: dict[str, Any] = {"planner": self.planner, "data_llm": pools, "teachers": teachers, "judge": self.judge}
        every = {**same, **models, "task": task, "guard": tuple(guard), **self.budget}
        try:
            return RunOptions.model_validate(every, context=RECORDED)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            message = f"the record holds an option that no run has: {'.'.join(map(str, fault['loc']))} {fault['msg']}"
            raise UsageError(message, fix="the record was changed, or written by a newer ftdojo") from None

    def require_same(self, other: Configuration, place: Path) -> None:
        """Raise a :class:`UsageError` that names every key in which ``other`` differs from this, the run's own."""
        mine, theirs = self.model_dump(), other.model_dump()
        then, now = mine.pop("digests"), theirs.pop("digests")
        differing = [
            f"{key}: {mine.get(key)!r} in the run, {theirs.get(key)!r} now"
            for key in mine | theirs
            if mine.get(key) != theirs.get(key)
        ]
        fix = "repeat the run's own options to resume it, or begin a new run with another --out"
        if changed := sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name)):
            differing.append(f"digests: what is in this ftdojo or on this machine has changed: {', '.join(changed)}")
        if changed and len(differing) == 1:
            fix = (
                "resume it with the ftdojo, the data and the model it began with, or begin a new run with another --out"
            )
        if differing:
            raise UsageError(f"{place} holds a run with another configuration:\n  " + "\n  ".join(differing), fix=fix)


def teachers_of(data_llm: Mapping[str, str] | None) -> Teachers:
    """Return the rule on teachers of a run whose owner states none: the models that are named are allowed."""
    return "listed" if data_llm else "none"


def versions() -> dict[str, str]:
    """Return the installed versions that produce a result; recorded, but not part of a run's identity."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
