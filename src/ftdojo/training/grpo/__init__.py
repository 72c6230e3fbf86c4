"""Training on rewards: the model answers prompts, the task's scorer judges the answers, better ones get likelier."""

from ftdojo.training.grpo.method import Grpo

__all__ = ["Grpo"]
