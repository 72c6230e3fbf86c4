"""Training: configuration, rows, tokens, the trainer, export. Torch is imported by what trains, not by this name."""

from ftdojo.training.config import OUT_OF_TIME, TrainConfig
from ftdojo.training.export import copy_text_files, export
from ftdojo.training.rows import SURROGATE, Row, parse_row
from ftdojo.training.tokens import Tokenized, tokenize

__all__ = [
    "OUT_OF_TIME",
    "SURROGATE",
    "Row",
    "Tokenized",
    "TrainConfig",
    "copy_text_files",
    "export",
    "parse_row",
    "tokenize",
]
