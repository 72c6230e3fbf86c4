"""A draft is what FT-Agent varies: a recipe and a training configuration. A proposal adds the plan to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ftdojo.dojo import submission
from ftdojo.dojo.recipe import Recipe, Source
from ftdojo.dojo.submission import Plan
from ftdojo.tasks.spec import RawSource, Rendering, TaskSpec
from ftdojo.training.config import TrainConfig


@dataclass(frozen=True, slots=True)
class Draft:
    """Data and training of one iteration."""

    recipe: Recipe
    train: TrainConfig

    def with_recipe(self, **changes: Any) -> Draft:
        """The same draft with some keys of the recipe changed, validated again."""
        return Draft(Recipe.model_validate({**self.recipe.model_dump(), **changes}), self.train)

    def with_train(self, **changes: Any) -> Draft:
        """The same draft with some keys of the training configuration changed, validated again."""
        return Draft(self.recipe, TrainConfig.model_validate({**self.train.model_dump(), **changes}))

    def with_source(self, subtask: str, **changes: Any) -> Draft:
        """The same draft with the sources of one sub-task changed."""
        sources = [s.model_dump() | (changes if s.subtask == subtask else {}) for s in self.recipe.sources]
        return self.with_recipe(sources=sources)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A draft and the plan that it follows."""

    plan: Plan
    draft: Draft

    def write(self, folder: Path) -> None:
        """Write the submission's files."""
        folder.mkdir(parents=True, exist_ok=True)
        parts = {submission.PLAN: self.plan, submission.RECIPE: self.draft.recipe, submission.TRAIN: self.draft.train}
        for name, part in parts.items():
            text = yaml.safe_dump(part.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=110)
            (folder / name).write_text(text, "utf-8")


def read(folder: Path) -> Draft | None:
    """The draft of an earlier submission; ``None`` if its data program was a script."""
    loaded = submission.load(folder)
    return Draft(loaded.program, loaded.train) if isinstance(loaded.program, Recipe) else None


def source_of(raw: RawSource, rendering: Rendering) -> Source:
    """A recipe's source for a documented raw file."""
    return Source(path=raw.path, subtask=raw.subtask, prompt=rendering.prompt, completion=rendering.completion)


def rendering(raw: RawSource, name: str) -> Rendering:
    """The rendering of that name, else the raw row as it stands."""
    return next((r for r in raw.renderings if r.name == name), raw.renderings[0])


def first(spec: TaskSpec, *, rows: int, seed: int, train: dict[str, Any]) -> Draft:
    """The draft from which a run begins: every documented source, answers in the scorer's form."""
    sources = [source_of(raw, rendering(raw, "answer")) for raw in spec.raw_sources]
    recipe = Recipe(sources=sources, max_rows=min(rows, spec.rules.max_rows), seed=seed)
    return Draft(recipe, TrainConfig.model_validate({**train, "seed": seed}))
