"""Supervised fine-tuning: rows to tokens, the trainer, its forecasts, the exported model and its lineage."""
