"""Export: the merged model as a folder that plain transformers can load."""

from __future__ import annotations

import shutil
from pathlib import Path

from ftdojo.disk import disk_errors
from ftdojo.models import describe, network

TOKENIZER = (
    "tokenizer*",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab*",
    "merges.txt",
    "chat_template*",
    "*.model",
)
"""Files that define how text becomes tokens; training does not change them."""
GENERATION = "generation_config.json"
"""Defines the tokens that end an answer."""


def export(base: Path, trained: Path, out: Path) -> None:
    """Write the model trained from ``base`` to ``out``: merged weights, tokenizer, chat template, generation settings.

    Adapters are merged in float32 and rounded once to the base model's precision.
    """
    import torch

    stored = {"BF16": torch.bfloat16, "F16": torch.float16}.get(describe(base).precision, torch.float32)
    out.mkdir(parents=True, exist_ok=True)
    with disk_errors(out), network.quiet():
        if (trained / "adapter_config.json").is_file():
            from peft import PeftModel

            loaded = network.load(base, torch.float32, attention="sdpa")
            merged = PeftModel.from_pretrained(loaded, trained).merge_and_unload()
        else:
            merged = network.load(trained, torch.float32, attention="sdpa")
        merged.to(stored).save_pretrained(out)
    copy_text_files(base, out)


def copy_text_files(base: Path, out: Path) -> None:
    """Copy tokenizer, chat template and generation settings of a model."""
    for pattern in (*TOKENIZER, GENERATION):
        for path in base.glob(pattern):
            shutil.copy(path, out / path.name)
