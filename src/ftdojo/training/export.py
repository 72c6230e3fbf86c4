"""Export: the merged model as a folder that plain transformers can load."""

from __future__ import annotations

import shutil
from pathlib import Path

from ftdojo import models

_TEXT = (
    "tokenizer*",
    "special_tokens_map.json",
    "vocab*",
    "merges.txt",
    "chat_template*",
    "generation_config.json",
    "*.model",
)


def export(base: Path, trained: Path, out: Path) -> None:
    """Write the model trained from ``base`` to ``out``: merged weights, tokenizer, chat template, generation settings.

    Adapters are merged in float32 and rounded once to the base model's precision.
    """
    import torch
    from transformers import AutoModelForCausalLM

    out.mkdir(parents=True, exist_ok=True)
    if (trained / "adapter_config.json").is_file():
        from peft import PeftModel

        network = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        network = PeftModel.from_pretrained(network, trained).merge_and_unload()
    else:
        network = AutoModelForCausalLM.from_pretrained(trained)
    network.to(models.compute().dtype).save_pretrained(out)
    for pattern in _TEXT:
        for path in base.glob(pattern):
            shutil.copy(path, out / path.name)
