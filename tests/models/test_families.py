"""No decoder of the library is left out: each is in the matrix, is refused, or reads more than text."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

import model_zoo as zoo
from ftdojo.errors import UsageError
from ftdojo.models import describe
from ftdojo.models.support import require_supported

COMPOSITE = frozenset(
    (
        "apertus1p5 cohere_compass_text dots3_note emu3 fuyu gemma3 gemma3n gemma4 gemma4_unified "
        "gemma4_unified_assistant git got_ocr2 llama4 mllama moshi moss_transcribe_diarize phi4_multimodal qwen3_5 "
        "qwen3_5_moe qwen4_exp"
    ).split()
)
"""Decoders with parts for images or sound, and one that is the part of a model of embeddings."""
SILENT = frozenset({"xlstm"})
"""Decoders with which the library's own loop fails, so that they are refused by the first measurement of a run."""


def test_every_decoder_is_in_the_matrix_or_refused(tmp_path: Path) -> None:
    passed = set()
    for kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.keys() - {*zoo.KINDS} - COMPOSITE - SILENT:
        folder = tmp_path / kind
        folder.mkdir()
        settings = {"model_type": kind, "architectures": [MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[kind]]}
        (folder / "config.json").write_text(json.dumps(settings))
        save_file({"weight": torch.zeros(2, 2)}, folder / "model.safetensors")
        try:
            describe(folder)
            require_supported(folder)
        except UsageError:
            continue
        passed.add(kind)
    assert not passed
