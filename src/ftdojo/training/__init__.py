"""Training: the interface of training methods, and supervised fine-tuning. Only the code that trains imports torch.

``tokenize``, ``export``, ``copy_text_files`` and ``structure_faults`` are useful for other methods, too.
"""

from ftdojo.training.backend import (
    Point,
    Step,
    Tokenized,
    TokenizedRow,
    Trainer,
    TrainResult,
    model_key,
    rows_key,
    trainer_of,
)
from ftdojo.training.sft.export import copy_text_files, export
from ftdojo.training.sft.lineage import structure_faults
from ftdojo.training.sft.tokens import tokenize

__all__ = [
    "Point",
    "Step",
    "Tokenized",
    "TokenizedRow",
    "TrainResult",
    "Trainer",
    "copy_text_files",
    "export",
    "model_key",
    "rows_key",
    "structure_faults",
    "tokenize",
    "trainer_of",
]
