"""Drafts: a data program and a training configuration, which contestants vary. A proposal adds the plan."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from ftdojo.contract import submission
from ftdojo.contract.recipe import Recipe, Source
from ftdojo.contract.script import SCRIPT
from ftdojo.contract.submission import Plan
from ftdojo.contract.task_spec import RawSource, Rendering, TaskSpec
from ftdojo.contract.train_config import TrainConfig, WeightsConfig
from ftdojo.disk import disk_errors
from ftdojo.errors import InputError
from ftdojo.files import write_file
from ftdojo.findings import Finding
from ftdojo.schema import StrictModel


@dataclass(frozen=True, slots=True)
class Draft:
    """Data and training of one iteration."""

    program: Recipe | str
    """A recipe, or the text of a script."""
    train: WeightsConfig

    @property
    def recipe(self) -> Recipe:
        """The recipe of a draft that has one."""
        if isinstance(self.program, str):
            raise ValueError("the data program is a script")
        return self.program

    def with_recipe(self, **changes: Any) -> Draft:
        """Return a copy with some keys of the recipe changed, validated again."""
        return Draft(Recipe.model_validate({**self.recipe.model_dump(), **changes}), self.train)

    def with_train(self, **changes: Any) -> Draft:
        """Return a copy with some keys of the training configuration changed, validated again."""
        return Draft(self.program, type(self.train).model_validate({**self.train.model_dump(), **changes}))

    @property
    def supervised(self) -> bool:
        """Whether it learns from right answers alone, and not from preferences or rewards."""
        return isinstance(self.train, TrainConfig)

    def with_source(self, subtask: str, **changes: Any) -> Draft:
        """Return a copy with the sources of one sub-task changed."""
        sources = [s.model_dump() | (changes if s.subtask == subtask else {}) for s in self.recipe.sources]
        return self.with_recipe(sources=sources)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A draft and the plan that it follows."""

    plan: Plan
    draft: Draft

    def write(self, folder: Path) -> None:
        """Write the submission's files; delete files that an earlier try left in the folder."""
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            program, script = self.draft.program, folder / SCRIPT
            parts: dict[str, StrictModel] = {submission.PLAN: self.plan, submission.TRAIN: self.draft.train}
            if isinstance(program, str):
                (folder / submission.RECIPE).unlink(missing_ok=True)
                write_file(script, program)
            else:
                script.unlink(missing_ok=True)
                parts[submission.RECIPE] = program
            for name, part in parts.items():
                text = yaml.safe_dump(part.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=110)
                write_file(folder / name, text)


def read(folder: Path) -> Draft:
    """The draft of an earlier submission."""
    loaded = submission.load(folder)
    if not isinstance(loaded.train, WeightsConfig):
        message = f"a draft does not vary method {loaded.train.method}"
        where, fix = f"{submission.TRAIN}: method", f"choose one of: {', '.join(TrainConfig.methods)}"
        raise InputError([Finding(code="bad_value", message=message, where=where, fix=fix)])
    return Draft(loaded.program, loaded.train)


def read_all(submissions: Mapping[int, Path]) -> dict[int, Draft]:
    """Read the drafts of earlier submissions: iteration -> draft. Unreadable ones are left out."""
    found = {}
    for number, folder in submissions.items():
        with contextlib.suppress(InputError):
            found[number] = read(folder)
    return found


def source_of(raw: RawSource, rendering: Rendering) -> Source:
    """A recipe's source for a documented raw file."""
    return Source(path=raw.path, subtask=raw.subtask, prompt=rendering.prompt, completion=rendering.completion)


def rendering(raw: RawSource, name: str) -> Rendering:
    """The rendering of that name, else the unchanged raw row."""
    return next((r for r in raw.renderings if r.name == name), raw.renderings[0])


def usual_method(spec: TaskSpec) -> Literal["full", "lora", "qlora"]:
    """The method of a first draft: the default, if the task allows it, else full fine-tuning."""
    default = TrainConfig().method
    return default if default in spec.rules.methods else "full"


def first(spec: TaskSpec, *, rows: int, seed: int, train: dict[str, Any]) -> Draft:
    """The first draft of a run: every documented source, answers in the scorer's form."""
    sources = [source_of(raw, rendering(raw, "answer")) for raw in spec.raw_sources]
    recipe = Recipe(sources=sources, max_rows=min(rows, spec.rules.max_rows), seed=seed)
    return Draft(recipe, TrainConfig.model_validate({**train, "seed": seed}))
