"""Training on preferences: pairs of answers to one prompt, of which one is better."""

from ftdojo.training.dpo.method import Dpo, Orpo

__all__ = ["Dpo", "Orpo"]
