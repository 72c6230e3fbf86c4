"""train.yaml: the typed configuration of a training. Nothing in it is dropped or altered on the way to the trainer."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from ftdojo.schema import StrictModel

OUT_OF_TIME = "out_of_time"
"""The code of the finding that a training was ended by the clock; unlike all others it is no function of its inputs."""


class Lora(StrictModel):
    """Low-rank adapters (Hu et al. 2021, arXiv 2106.09685)."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    rank: int = Field(16, ge=1, le=512)
    """Inner dimension of each adapter."""
    alpha: float = Field(32, gt=0)
    """An adapter's output is scaled by ``alpha / rank``."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout before each adapter."""
    targets: Literal["all-linear"] | list[str] = "all-linear"
    """Modules that get an adapter: all linear ones but the output layer, or some by name, e.g. ``[q_proj, v_proj]``."""


class TrainConfig(StrictModel):
    """Supervised fine-tuning: the loss is the cross-entropy of the assistant's tokens."""

    model_config = ConfigDict(use_attribute_docstrings=True)  # so that the JSON schema describes the fields too

    method: Literal["full", "lora", "qlora"] = "lora"
    """``full`` trains all weights, ``lora`` adapters; ``qlora`` adapters while the base model is held in 4 bits
    (Dettmers et al. 2023, arXiv 2305.14314), which takes less memory and more time."""
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
    lora: Lora | None = None
    """The adapters, for methods ``lora`` and ``qlora``; left out, their defaults."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.method == "full" and self.lora is not None:
            raise ValueError("'lora' settings have no effect with method full: remove them, or choose method lora")
        if self.patience is not None and self.eval_fraction == 0:
            raise ValueError("'patience' needs held-out rows: set eval_fraction above 0")
        return self

    @property
    def adapter(self) -> Lora | None:
        """The adapter settings in force; ``None`` for full weights."""
        return None if self.method == "full" else self.lora or Lora()

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
