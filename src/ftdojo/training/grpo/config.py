"""``train.yaml`` of training on rewards."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from ftdojo.contract.train_config import AFTER_SFT, AfterSftConfig


class GrpoConfig(AfterSftConfig):
    """Group relative policy optimization (Shao et al. 2024, arXiv 2402.03300): the model answers each prompt several
    times, the task's scorer rewards every answer, and an answer gets likelier if its reward is above the mean of its
    group, and less likely if it is below."""

    methods: ClassVar = MappingProxyType({"grpo": AFTER_SFT})

    sharding: ClassVar[Literal["none"]] = "none"  # type: ignore[misc]  # one device trains
    method: Literal["grpo"] = "grpo"
    """The method."""
    learning_rate: float = Field(1e-5, gt=0, le=1)
    """Peak learning rate of the schedule: about a tenth of that of supervised fine-tuning."""
    epochs: float = Field(1.0, gt=0, le=100)
    """Passes over the prompts. The schedule spans them, or ``max_steps`` if that is less."""
    batch_size: int = Field(4, ge=1, le=4096)
    """Prompts per forward pass, each with all answers of its group. A step has as many prompts times
    ``gradient_accumulation``."""
    gradient_accumulation: int = Field(1, ge=1, le=4096)
    """Batches per optimizer step, all of whose answers are made before it."""
    max_length: int = Field(1024, ge=8)
    """Maximum tokens of prompt and answer: there an answer is cut. A prompt that leaves no room for one is not used."""
    group_size: int = Field(8, ge=2, le=256)
    """Answers to each prompt in a step: the group whose mean reward is the baseline."""
    max_new_tokens: int | None = Field(None, ge=1, le=32768)
    """Longest answer in tokens; at most the task's own limit, which is the default."""
    temperature: float = Field(1.0, gt=0, le=10)
    """Logits are divided by it before a token is drawn, and in the loss: with more, answers differ more."""
    top_p: float = Field(1.0, gt=0, le=1)
    """A token is drawn from the likeliest ones that together have this probability."""
    loss: Literal["dapo", "grpo", "dr_grpo"] = "dapo"
    """How the loss of a step is averaged: ``dapo`` over all tokens (Yu et al. 2025, arXiv 2503.14476), ``grpo`` over
    the tokens of each answer and then over answers (the original), ``dr_grpo`` over answers, each divided by the token
    limit (Liu et al. 2025, arXiv 2503.20783)."""
    scale_rewards: Literal["group", "batch", "none"] = "group"
    """By which standard deviation the difference to the group's mean is divided: that of the group, of all answers of
    the step, or ``none`` (as in Dr. GRPO), so that prompts that are nearly always answered right count no more."""
    clip_low: float = Field(0.2, gt=0, lt=1)
    """A token gets no less likely in a step once its ratio to the model that answered is below ``1 - clip_low``."""
    clip_high: float = Field(0.2, gt=0, le=10)
    """A token gets no likelier in a step once this ratio is above ``1 + clip_high``."""
    iterations: int = Field(1, ge=1, le=16)
    """Optimizer steps on the same answers. Clipping has an effect only above 1; then rows that fill no batch are left
    out, and ``gradient_accumulation`` must be 1."""
    kl: float = Field(0.0, ge=0, le=10)
    """Weight of the divergence from the weights at the start. 0 needs no reference: no memory and no time for it."""
    form_reward: float = Field(0.0, ge=0, le=1)
    """Added to the reward of an answer that the scorer can read, be it right or wrong."""
    length_penalty: float = Field(0.0, ge=0, le=1)
    """Subtracted from the reward of an answer that reaches the token limit; of a shorter one, in proportion."""

    @model_validator(mode="after")
    def _settings_have_effect(self) -> Self:
        if self.eval_fraction:
            raise ValueError("grpo holds out no rows: its loss on them would mean nothing. Remove 'eval_fraction'")
        if self.devices != 1:
            raise ValueError("grpo trains on one device: set 'devices' to 1")
        if self.iterations > 1 and self.gradient_accumulation > 1:
            raise ValueError("'iterations' above 1 needs 'gradient_accumulation' 1: raise batch_size instead")
        return self

    @property
    def sequences(self) -> int:
        """Every answer of the group, in each step on it."""
        return self.group_size * self.iterations

    @property
    def answers(self) -> int:
        """The group."""
        return self.group_size

    def steps_per_epoch(self, rows: int) -> int:
        """Return the optimizer steps of one pass over ``rows`` rows."""
        if self.iterations == 1:
            return super().steps_per_epoch(rows)
        return max(1, rows // self.batch_size) * self.iterations

    def answer_limit(self, task: int) -> int:
        """Return the longest answer in tokens, given that of the task."""
        return min(self.max_new_tokens or task, task)
