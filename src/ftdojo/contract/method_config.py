"""What ``train.yaml`` holds whatever the training method, and the facts of a method that others need to know."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from ftdojo.schema import StrictModel


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodFacts:
    """What gates and agents know of a training method besides its name."""

    adapters: bool
    """Whether it trains adapters beside the model's weights, which stay as they are."""
    four_bit: bool = False
    """Whether it holds the base model in 4 bits while it trains."""
    usual_rates: str
    """The usual learning rates, in words that fit into a sentence, e.g. ``1e-5 to 1e-4``."""
    smaller: str | None = None
    """The method of the same configuration that takes less memory, if there is one."""


class MethodConfig(StrictModel):
    """The keys that every method has, because the environment reads them. A method's own model adds to them."""

    model_config = ConfigDict(use_attribute_docstrings=True)  # so that the JSON schema describes the fields too

    methods: ClassVar[Mapping[str, MethodFacts]]
    """The methods that the model configures: the values of ``method``."""

    method: str
    """The name of the training method."""
    learning_rate: float = Field(1e-4, gt=0, le=1)
    """The peak of the schedule."""
    schedule: Literal["linear", "cosine", "constant"] = "cosine"
    """How the rate falls after the warm-up, to 0 at the last step."""
    warmup_ratio: float = Field(0.03, ge=0, le=1)
    """Share of the steps, rounded down, in which the rate rises from 0."""
    epochs: float = Field(2.0, gt=0, le=100)
    """Passes over the rows. The schedule spans them, or ``max_steps`` if that is less."""
    max_steps: int | None = Field(None, ge=1)
    """At most so many optimizer steps, however many the epochs would have."""
    batch_size: int = Field(16, ge=1, le=4096)
    """Rows a device and forward pass."""
    gradient_accumulation: int = Field(1, ge=1, le=4096)
    """Batches an optimizer step. Every label token of them weighs the same."""
    devices: int = Field(1, ge=1, le=64)
    """GPUs of this machine that train the model together: a step has so many times the rows."""
    max_length: int = Field(1024, ge=8)
    """Tokens a row; a longer row is cut at its end and counted as truncated."""
    weight_decay: float = Field(0.0, ge=0, le=10)
    """Decoupled decay (AdamW) of all matrices; norms and biases are not decayed."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Gradients with a larger norm are scaled down to it."""
    eval_fraction: float = Field(0.0, ge=0, lt=0.5)
    """Share of the rows held out, to measure the loss on them twice an epoch."""
    patience: int | None = Field(None, ge=1)
    """Stop after so many measurements without gain, and keep the weights of the best one. Needs held-out rows."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Of the adapters' first weights, dropout, the held-out rows and the order of the batches."""

    @model_validator(mode="after")
    def _patience_has_rows(self) -> Self:
        if self.patience is not None and self.eval_fraction == 0:
            raise ValueError("'patience' needs held-out rows: set eval_fraction above 0")
        return self

    @property
    def facts(self) -> MethodFacts:
        """The facts of the method."""
        return self.methods[self.method]

    def held_out(self, rows: int) -> int:
        """How many of so many rows are held out."""
        return min(math.ceil(self.eval_fraction * rows), rows - 1)

    def steps_per_epoch(self, rows: int) -> int:
        """Optimizer steps of one pass over so many rows, of which some are held out."""
        batches = math.ceil((rows - self.held_out(rows)) / (self.batch_size * self.devices))
        return math.ceil(batches / self.gradient_accumulation)

    def steps(self, rows: int) -> int:
        """Optimizer steps of the whole training on so many rows."""
        steps = max(1, math.ceil(self.steps_per_epoch(rows) * self.epochs))
        return min(steps, self.max_steps or steps)
