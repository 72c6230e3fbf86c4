"""The trial of rewards: some prompts are answered by the model from which the training starts, and by shortcuts."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from ftdojo.contract.task_spec import TaskSpec
from ftdojo.findings import Finding
from ftdojo.models import compute
from ftdojo.models.resident import Resident
from ftdojo.training.grpo.checks import check_rewards, find_shortcuts, try_shortcuts
from ftdojo.training.grpo.config import GrpoConfig
from ftdojo.training.grpo.draw import Draws
from ftdojo.training.grpo.reward import Rewards
from ftdojo.training.grpo.rows import Prompt
from ftdojo.training.sft.trainer import lend_network

PROMPTS = 16
"""Prompts that are answered, drawn at random."""


def try_rewards(
    examples: Sequence[Prompt],
    config: GrpoConfig,
    base: Path,
    start: Path | None,
    rewards: Rewards,
    spec: TaskSpec,
    resident: Resident,
) -> Iterator[Finding]:
    """Yield what is wrong with the rewards (:mod:`ftdojo.training.grpo.checks`); ``resident`` lends the network."""
    rows, limit = [prompt.row for prompt in examples], config.answer_limit(spec.max_new_tokens)
    chosen = random.Random(config.seed).sample(list(examples), min(PROMPTS, len(examples)))  # noqa: S311 - a draw
    asked = [prompt.row for prompt in chosen]
    on = compute()
    with lend_network(base, config, on, resident=resident, start=start) as network:
        drawn = Draws(config, base).draw(network.to(on.device), chosen)
    given = rewards.give(
        [row.item for row in asked for _ in range(config.group_size)],
        [answer.output for group in drawn for answer in group],
    )
    groups = [given[at : at + config.group_size] for at in range(0, len(given), config.group_size)]
    tried = try_shortcuts(asked, find_shortcuts(rows, spec, limit), rewards, limit)
    yield from check_rewards(groups, tried)
