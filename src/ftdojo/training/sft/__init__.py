"""Supervised fine-tuning: rows to tokens, the trainer, its forecasts, the exported model and its lineage."""

from ftdojo.training.sft.method import Sft

__all__ = ["Sft"]
