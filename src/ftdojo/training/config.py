"""train.yaml: the typed configuration of a training. Nothing in it is dropped or altered on the way to the trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from ftdojo.schema import StrictModel, load_file


class Lora(StrictModel):
    """Low-rank adapters (Hu et al. 2021, arXiv 2106.09685)."""

    rank: int = Field(16, ge=1, le=512, description="inner dimension of each adapter")
    alpha: float = Field(32, gt=0, description="the adapter's output is scaled by alpha / rank")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout before the adapter")
    targets: Literal["all-linear"] | list[str] = Field("all-linear", description="modules that get an adapter")


class TrainConfig(StrictModel):
    """Supervised fine-tuning: the loss is the cross-entropy of the completion's tokens."""

    method: Literal["full", "lora", "qlora"] = Field("lora", description="full weights or adapters")
    learning_rate: float = Field(1e-4, gt=0, le=1, description="peak of the schedule")
    schedule: Literal["linear", "cosine", "constant"] = Field("cosine", description="after the warm-up")
    warmup_ratio: float = Field(0.03, ge=0, le=1, description="share of the steps in which the rate rises from 0")
    epochs: float = Field(2.0, gt=0, le=100, description="passes over the rows")
    max_steps: int | None = Field(None, ge=1, description="stop after so many optimizer steps")
    batch_size: int = Field(16, ge=1, le=4096, description="rows a device and step")
    gradient_accumulation: int = Field(1, ge=1, le=4096, description="batches an optimizer step")
    max_length: int = Field(1024, ge=8, description="tokens a row; longer rows are cut at their end")
    weight_decay: float = Field(0.0, ge=0, le=10)
    max_grad_norm: float = Field(1.0, gt=0, description="gradients are clipped to this norm")
    eval_fraction: float = Field(0.0, ge=0, lt=0.5, description="share of the rows held out to measure the fit")
    patience: int | None = Field(
        None, ge=1, description="keep the best of the epochs by held-out loss, stop after so many without gain"
    )
    seed: int = Field(0, ge=0)
    lora: Lora | None = Field(None, description="adapter settings; only with method lora or qlora")

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


def load(path: Path) -> TrainConfig:
    """Read ``train.yaml``; raises :class:`ftdojo.errors.InputError` with every fault."""
    return load_file(path, TrainConfig)
