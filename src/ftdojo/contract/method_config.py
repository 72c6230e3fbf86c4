"""The keys of ``train.yaml`` that all training methods share, and the facts about a method that other rooms need."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from ftdojo.schema import StrictModel


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodFacts:
    """The facts about a training method that gates and agents use."""

    adapters: bool
    """Whether it trains adapters and leaves the model's own weights unchanged."""
    four_bit: bool = False
    """Whether it stores the base model in 4 bits during training."""
    usual_rates: str
    """The usual learning rates, in words that fit into a sentence, e.g. ``1e-5 to 1e-4``."""
    smaller: str | None = None
    """The method of the same configuration that needs less memory, if there is one."""
    continues: bool = False
    """Whether a training can start from the weights that an earlier one trained."""


BASE: Literal["base"] = "base"
"""The start of a training that goes back to no other one."""
MAX_START = 1_000_000
"""The highest number of an iteration to start from."""
CODE = "code"
"""The field with the text of the training program. It is no key of ``train.yaml``."""

_OF_THE_WHOLE = frozenset(
    {
        "start",
        "learning_rate",
        "schedule",
        "warmup_ratio",
        "epochs",
        "max_steps",
        "eval_fraction",
        "patience",
        "seed",
    }
)
"""Keys that change a whole training, and not what one batch needs."""


class MethodConfig(StrictModel):
    """The keys that every method has, because the environment reads them. A method's own model adds further keys."""

    model_config = ConfigDict(use_attribute_docstrings=True)  # so that the JSON schema describes the fields too

    methods: ClassVar[Mapping[str, MethodFacts]]
    """The methods that the model configures: the values of ``method``."""
    has_script: ClassVar[bool] = False
    """Whether ``train.py`` belongs to it: then its field ``code`` is the text of that file."""

    method: str
    """The name of the training method."""
    start: Literal["base", "best"] | int = BASE
    """The weights from which the training starts: those of the base model, of the best iteration so far, or of the
    iteration with this number, which has to be evaluated, accepted or not. It must train the same kind of weights, with
    the same rank, alpha and targets of adapters, as that iteration. Optimizer and schedule are new."""
    learning_rate: float = Field(1e-4, gt=0, le=1)
    """Peak learning rate of the schedule."""
    schedule: Literal["linear", "cosine", "constant"] = "cosine"
    """How the learning rate falls after the warm-up, to 0 at the last step."""
    warmup_ratio: float = Field(0.03, ge=0, le=1)
    """Share of the steps, rounded down, in which the learning rate rises from 0."""
    epochs: float = Field(2.0, gt=0, le=100)
    """Passes over the rows. The schedule spans them, or ``max_steps`` if that is less."""
    max_steps: int | None = Field(None, ge=1)
    """Maximum number of optimizer steps, even if the epochs have more."""
    batch_size: int = Field(16, ge=1, le=4096)
    """Rows per device and forward pass."""
    gradient_accumulation: int = Field(1, ge=1, le=4096)
    """Batches per optimizer step. Every label token in them, or every pair of a preference, has the same weight."""
    devices: int = Field(1, ge=1, le=64)
    """GPUs of this machine that train the model together. The rows of a step are multiplied by this number."""
    max_length: int = Field(1024, ge=8)
    """Maximum tokens per row; a longer row is cut at its end and counted as truncated."""
    weight_decay: float = Field(0.0, ge=0, le=10)
    """Decoupled weight decay (AdamW) of all matrices; norms and biases are not decayed."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Gradients with a larger norm are scaled down to it."""
    eval_fraction: float = Field(0.0, ge=0, lt=0.5)
    """Share of the rows that are held out. The loss on them is measured twice per epoch."""
    patience: int | None = Field(None, ge=1)
    """Stop after this many measurements without improvement; keep the weights of the best one. Needs held-out rows."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of the adapters' initial weights, dropout, the held-out rows and the order of the batches."""

    @field_validator("start", mode="before", check_fields=False)
    @classmethod
    def _start_is_known(cls, start: Any) -> Any:
        if start in (BASE, "best") or (type(start) is int and 1 <= start <= MAX_START):
            return start
        raise ValueError(f"is neither base nor best nor the number of an iteration, 1 to {MAX_START:,}")

    @model_validator(mode="after")
    def _patience_has_rows(self) -> Self:
        if self.patience is not None and self.eval_fraction == 0:
            raise ValueError("'patience' needs held-out rows: set eval_fraction above 0")
        return self

    @property
    def facts(self) -> MethodFacts:
        """The facts of the method."""
        return self.methods[self.method]

    @property
    def script(self) -> str | None:
        """The text of ``train.py``, of a method that has one."""
        return None

    @property
    def stated_change(self) -> float | None:
        """How far weights may move, as a share of their norm, of a method whose steps do not bound it."""
        return None

    @property
    def sequences(self) -> int:
        """How many sequences pass through the model for one row, such as both answers of a preference."""
        return 1

    @property
    def answers(self) -> int:
        """How many answers the model gives to one row during the training."""
        return 0

    @property
    def but_size(self) -> dict[str, Any]:
        """Everything that decides how one batch is trained, but not from where, how long and at which rate, as JSON
        values."""
        return self.model_dump(mode="json", exclude=set(_OF_THE_WHOLE))

    def held_out(self, rows: int) -> int:
        """Return how many of ``rows`` rows are held out."""
        return min(math.ceil(self.eval_fraction * rows), rows - 1)

    def steps_per_epoch(self, rows: int) -> int:
        """Return the optimizer steps of one pass over ``rows`` rows, of which some are held out."""
        batches = math.ceil((rows - self.held_out(rows)) / (self.batch_size * self.devices))
        return math.ceil(batches / self.gradient_accumulation)

    def steps(self, rows: int) -> int:
        """Return the optimizer steps of the whole training on ``rows`` rows."""
        steps = max(1, math.ceil(self.steps_per_epoch(rows) * self.epochs))
        return min(steps, self.max_steps or steps)
