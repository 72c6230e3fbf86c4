"""Training: supervised fine-tuning, export of the trained model, forecasts. Torch is imported by what trains alone."""

from ftdojo.training.sft.export import copy_text_files, export
from ftdojo.training.sft.tokens import Tokenized, tokenize

__all__ = ["Tokenized", "copy_text_files", "export", "tokenize"]
