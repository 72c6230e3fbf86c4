"""The space of the searching contestants: the settings that people vary when they tune a fine-tuning by hand.

All of them share one typed space, so that they differ only in how they search. The bounds are those used in practice
for LoRA, for small and large models; values that a rule or the data forbid are excluded.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from ftdojo.agents import draft as drafts
from ftdojo.agents import practice
from ftdojo.agents.draft import Draft
from ftdojo.contract.protocol import Observation
from ftdojo.contract.recipe import Recipe
from ftdojo.contract.task_spec import TaskSpec
from ftdojo.contract.train_config import Lora, TrainConfig
from ftdojo.schema import StrictModel

MIN_ROWS = 64
ALPHA = 2
"""The adapter's alpha is this times its rank: the scale of its output stays the same when the rank is varied."""


class Point(StrictModel):
    """One point of the space."""

    rendering: str = Field(description="which documented rendering of the raw rows; a source without it is taken raw")
    rows: int
    balance: Literal["none", "completion"]
    learning_rate: float
    schedule: Literal["linear", "cosine", "constant"]
    warmup_ratio: float
    epochs: int
    batch_size: int = Field(description="rows an optimizer step")
    weight_decay: float
    rank: int
    dropout: float


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers from ``low`` to ``high`` (inclusive), drawn log-uniformly; integers if both ends are integers."""

    low: float
    high: float

    @property
    def whole(self) -> bool:
        """Whether it contains integers only."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def draw(self, rng: random.Random) -> float:
        """Draw one number."""
        if not self.whole:
            return math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        # Extended by half a step at both ends, so that the ends are no rarer than their neighbours.
        drawn = math.exp(rng.uniform(math.log(self.low - 0.5), math.log(self.high + 0.5)))
        return min(int(self.high), max(int(self.low), round(drawn)))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few values."""

    options: tuple[Any, ...]

    def draw(self, rng: random.Random) -> Any:
        """Draw one option, all equally likely."""
        return rng.choice(self.options)


@dataclass(frozen=True, slots=True)
class Space:
    """The dimensions (field of :class:`Point` -> values) for one task and one model."""

    dimensions: Mapping[str, Span | Choice]
    task: TaskSpec
    context_length: int
    """Context length of the model, in tokens."""
    seed: int

    @classmethod
    def from_observation(cls, observation: Observation) -> Space:
        """Create the space of a task. It is the same in every iteration of a run."""
        spec = observation.task
        paths = {source.path for source in spec.raw_sources}
        available = sum(file.rows for file in observation.raw_data.files if file.path in paths)
        most = max(1, min(spec.rules.max_rows, available))
        renderings = dict.fromkeys(way.name for source in spec.raw_sources for way in source.renderings)
        dimensions: dict[str, Span | Choice] = {
            "rendering": Choice(tuple(renderings)),
            "rows": Span(min(MIN_ROWS, most), most),
            "balance": Choice(("none", "completion")),
            "learning_rate": Span(2e-5, 5e-3),
            "schedule": Choice(("linear", "cosine", "constant")),
            "warmup_ratio": Choice((0.0, 0.03, 0.1)),
            "epochs": Span(1, 6),
            "batch_size": Choice((4, 8, 16, 32)),
            "weight_decay": Choice((0.0, 0.01, 0.1)),
            "rank": Choice((4, 8, 16, 32, 64)),
            "dropout": Choice((0.0, 0.05, 0.1)),
        }
        return cls(dimensions, spec, observation.model.context_length, observation.seed)

    def draw(self, rng: random.Random) -> Point:
        """Draw a point, every dimension independently."""
        return Point.model_validate({name: dimension.draw(rng) for name, dimension in self.dimensions.items()})

    def shrink(self, point: Point) -> Point:
        """Return the cheapest point that differs from ``point`` only in rows and epochs."""
        cheapest = {name: span.low for name, span in self.dimensions.items() if isinstance(span, Span)}
        return point.model_copy(update={"rows": cheapest["rows"], "epochs": cheapest["epochs"]})

    def draft(self, point: Point) -> Draft:
        """The data program and training configuration of a point."""
        method = drafts.usual_method(self.task)
        sources = [drafts.source_of(raw, drafts.rendering(raw, point.rendering)) for raw in self.task.raw_sources]
        train = TrainConfig(
            method=method,
            learning_rate=point.learning_rate,
            schedule=point.schedule,
            warmup_ratio=point.warmup_ratio,
            epochs=point.epochs,
            batch_size=min(practice.MICRO_BATCH, point.batch_size),
            gradient_accumulation=max(1, point.batch_size // practice.MICRO_BATCH),
            weight_decay=point.weight_decay,
            max_length=min(TrainConfig().max_length, self.context_length),
            seed=self.seed,
            lora=Lora(rank=point.rank, alpha=ALPHA * point.rank, dropout=point.dropout)
            if TrainConfig.methods[method].adapters
            else None,
        )
        return Draft(Recipe(sources=sources, balance=point.balance, max_rows=point.rows, seed=self.seed), train)

    def point(self, draft: Draft) -> Point:
        """The point that a draft was made from.

        Raises:
            StopIteration: if it was not made by :meth:`draft`.
        """
        recipe, train, adapter = draft.recipe, draft.train, draft.train.adapter or Lora()
        renderings = self.dimensions["rendering"]
        assert isinstance(renderings, Choice)
        prompts = [(source.prompt, source.completion) for source in recipe.sources]
        ways = {name: [drafts.rendering(raw, name) for raw in self.task.raw_sources] for name in renderings.options}
        return Point(
            rendering=next(n for n, way in ways.items() if [(r.prompt, r.completion) for r in way] == prompts),
            rows=recipe.max_rows,
            balance=recipe.balance,
            learning_rate=train.learning_rate,
            schedule=train.schedule,
            warmup_ratio=train.warmup_ratio,
            epochs=int(train.epochs),
            batch_size=train.batch_size * train.gradient_accumulation,
            weight_decay=train.weight_decay,
            rank=adapter.rank,
            dropout=adapter.dropout,
        )
