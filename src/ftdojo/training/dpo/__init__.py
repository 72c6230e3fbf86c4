"""Training on preferences: pairs of answers to one prompt, of which one is better, or answers judged one by one."""

from ftdojo.training.dpo.method import Dpo, Kto, Orpo

__all__ = ["Dpo", "Kto", "Orpo"]
