"""The loss of group relative policy optimization, from log-probabilities and advantages."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ftdojo.training.grpo.config import GrpoConfig

TINY = 1e-4
"""Added to standard deviations, so that those near 0 do not magnify rounding; the same in TRL."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answers of a batch. All tensors have the shape (answers, positions), but for ``advantages``, (answers,)."""

    policy: torch.Tensor
    """Log-probabilities of the tokens by the model that is trained, in nats."""
    old: torch.Tensor
    """The same by the model that gave the answers."""
    reference: torch.Tensor | None
    """The same by the model at the start; ``None`` if the divergence from it is not penalized."""
    learned: torch.Tensor
    """Which positions hold a token of the answer."""
    advantages: torch.Tensor


def advantages(rewards: torch.Tensor, scale: str) -> torch.Tensor:
    """Return the advantages of rewards, both of shape (groups, answers of each): how far a reward is from the mean of
    its group, in standard deviations of the group, of the whole batch, or not divided (``group``, ``batch``, ``none``).
    """
    apart = rewards - rewards.mean(dim=1, keepdim=True)
    if scale == "none":
        return apart
    deviation = rewards.std(dim=1, keepdim=True) if scale == "group" else rewards.std()
    return apart / (deviation + TINY)


def token_objectives(answered: Answered, config: GrpoConfig) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss of each token, and its divergence from the reference (0 without one).

    Equation 3 of arXiv 2402.03300, with the two bounds of arXiv 2503.14476. The divergence is the estimator of its
    equation 4, weighted by the ratio, which makes its gradient unbiased (DeepSeek-AI 2025, arXiv 2512.02556).
    """
    ratio = torch.exp(answered.policy - answered.old)
    advantage = answered.advantages[:, None]
    clipped = ratio.clamp(1 - config.clip_low, 1 + config.clip_high)
    losses = -torch.min(ratio * advantage, clipped * advantage)
    if answered.reference is None:
        return losses, torch.zeros_like(losses)
    apart = answered.reference - answered.policy
    divergence = ratio * (torch.exp(apart) - apart - 1)
    return losses + config.kl * divergence, divergence


def count_units(learned: torch.Tensor, loss: str, limit: int) -> torch.Tensor:
    """Return by how much the sum of :func:`total` is divided, of answers with these tokens of the shape (answers,
    positions). ``limit`` is the longest answer, in tokens."""
    if loss == "dapo":
        return learned.sum()
    return torch.tensor(len(learned) * (limit if loss == "dr_grpo" else 1), device=learned.device)


def total(losses: torch.Tensor, learned: torch.Tensor, loss: str) -> torch.Tensor:
    """Return the sum of the losses of all tokens; for ``grpo``, of the mean loss of each answer."""
    kept = losses * learned
    return mean_tokens(losses, learned).sum() if loss == "grpo" else kept.sum()


def mean_tokens(values: torch.Tensor, learned: torch.Tensor) -> torch.Tensor:
    """Return the mean over the tokens of each answer, of shape (answers,)."""
    return (values * learned).sum(1) / learned.sum(1)
