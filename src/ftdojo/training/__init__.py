"""Training: the interface of training methods, and supervised fine-tuning. Only the code that trains imports torch.

``tokenize``, ``export``, ``copy_text_files`` and ``structure_faults`` are useful for other methods, too.
"""

from ftdojo.training.backend import (
    Earlier,
    Grading,
    OnLog,
    Point,
    Scores,
    Step,
    Tokenized,
    TokenizedRow,
    Trainer,
    TrainResult,
    lineage_faults,
    model_key,
    resident_argument,
    rows_key,
    start_argument,
    trainer_of,
)
from ftdojo.training.sft.export import ADAPTER_FILES, copy_adapter, copy_text_files, export, text_files
from ftdojo.training.sft.lineage import structure_faults
from ftdojo.training.sft.tokens import tokenize

__all__ = [
    "ADAPTER_FILES",
    "Earlier",
    "Grading",
    "OnLog",
    "Point",
    "Scores",
    "Step",
    "Tokenized",
    "TokenizedRow",
    "TrainResult",
    "Trainer",
    "copy_adapter",
    "copy_text_files",
    "export",
    "lineage_faults",
    "model_key",
    "resident_argument",
    "rows_key",
    "start_argument",
    "structure_faults",
    "text_files",
    "tokenize",
    "trainer_of",
]
