"""Forecasts of a training on rewards: answers are generated before they are learned from, and both take time and
memory."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ftdojo import models
from ftdojo.inference.engine import bytes_per_token, most_tokens
from ftdojo.models.resident import Resident
from ftdojo.training.grpo.config import GrpoConfig
from ftdojo.training.grpo.rows import Group, Prompt
from ftdojo.training.sft.estimate import count_trained

if TYPE_CHECKING:
    from ftdojo.training.grpo.objective import GrpoObjective

PASSES = 2
"""Times that the longest prompts are answered and learned from, of which the second counts: the first also allocates
buffers, compiles kernels and touches memory for the first time."""


def forecast_rollouts(
    examples: Sequence[Prompt], config: GrpoConfig, base: Path, objective: GrpoObjective, resident: Resident | None
) -> float:
    """Return the seconds that a training will take: steps on the longest prompts, with their answers and the scorer's
    time, times the number of steps.

    Answers may become longer during the training, up to the token limit. Then it takes longer, and ends with its time.

    Raises:
        InputError: as :func:`ftdojo.training.sft.trainer.train`.
    """
    from ftdojo.training.sft.trainer import train

    chosen = _longest(examples, config.batch_size * config.gradient_accumulation)
    trial = config.model_copy(update={"epochs": PASSES, "max_steps": PASSES * config.iterations, "warmup_ratio": 0.0})
    with tempfile.TemporaryDirectory(prefix="ftdojo-trial-") as folder:
        result = train(chosen, trial, base, Path(folder), objective=objective, resident=resident)
    counted = result.step_times[config.iterations :]
    return config.steps(len(examples)) * sum(step.seconds for step in counted) / len(counted)


def longest_groups(config: GrpoConfig, examples: Sequence[Prompt]) -> list[Group]:
    """Return the most expensive batch that may occur: the longest prompts with the longest answers."""
    return [
        prompt.with_answers([[0] * prompt.answer_limit(config)] * config.group_size)
        for prompt in _longest(examples, config.batch_size)
    ]


def answering_memory(config: GrpoConfig, base: Path, examples: Sequence[Prompt]) -> float:
    """Estimate the bytes that the answers of a step take while they are generated."""
    asked = _longest(examples, config.batch_size * config.gradient_accumulation)
    tokens = sum(config.group_size * (len(prompt.asked) + prompt.answer_limit(config)) for prompt in asked)
    info, on = models.describe(base), models.compute()
    return min(tokens, most_tokens(info, on)) * bytes_per_token(info, on)


def reference_memory(config: GrpoConfig, base: Path) -> float:
    """Return the bytes of the weights at the start, which are kept if the divergence from them is penalized."""
    trained = count_trained(models.describe(base), config)
    return trained * models.compute().dtype.itemsize if config.kl else 0.0


def _longest(examples: Sequence[Prompt], count: int) -> list[Prompt]:
    return sorted(examples, key=lambda prompt: len(prompt.asked), reverse=True)[:count]
