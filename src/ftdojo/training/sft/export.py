"""Export: the merged model as a folder that plain transformers can load."""

from __future__ import annotations

import json
import shutil
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from ftdojo.disk import disk_errors
from ftdojo.models import describe, network
from ftdojo.models.info import INDEX, SINGLE, headers, weight_files

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_FILES = (ADAPTER_CONFIG, "adapter_model.safetensors")
"""The files of a trained adapter that decide how it is merged."""
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


REST = "model-rest.safetensors"
"""Tensors of the base that the trained network does not have, or has under another name, in a folder of several files.
"""


def export(base: Path, trained: Path, out: Path) -> None:
    """Write the model trained from ``base`` to ``out``: merged weights, tokenizer, chat template, generation settings.

    Adapters are merged in float32. Every tensor is rounded once, to the precision that it has in the base model.
    Tensors of the base that the network does not use are copied, so that the folder serves in the base's place.
    """
    import torch

    types = {"BF16": torch.bfloat16, "F16": torch.float16}
    stored = headers(base)
    common = types.get(describe(base).precision, torch.float32)
    out.mkdir(parents=True, exist_ok=True)
    with disk_errors(out), network.quiet():
        if (trained / ADAPTER_CONFIG).is_file():
            from peft import PeftModel

            loaded = network.load(base, torch.float32, attention="sdpa")
            merged = PeftModel.from_pretrained(loaded, trained).merge_and_unload()
        else:
            merged = network.load(trained, torch.float32, attention="sdpa")
        for name, tensor in chain(merged.named_parameters(), merged.named_buffers()):
            tensor.data = tensor.data.to(types.get(stored[name]["dtype"], torch.float32) if name in stored else common)
        if hasattr(merged.config, "auto_map"):  # Python code of the base, which is not needed and not copied
            del merged.config.auto_map
        merged.save_pretrained(out)
        _add_rest(base, out, dict(merged.state_dict()))
    copy_text_files(base, out)


def _add_rest(base: Path, out: Path, weights: dict[str, Any]) -> None:
    """Add the tensors of the base that were not saved: second names of tied weights, and parts that are not used."""
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    lacking = sorted(headers(base).keys() - headers(out).keys())
    if not lacking:
        return
    rest: dict[str, Any] = {name: weights[name].clone() for name in lacking if name in weights}
    for path in weight_files(base):
        with safe_open(path, "pt") as file:
            rest |= {name: file.get_tensor(name) for name in set(lacking) & set(file.keys()) - rest.keys()}
    form = {"format": "pt"}
    if (out / SINGLE).is_file():
        save_file(load_file(out / SINGLE) | rest, out / SINGLE, metadata=form)
        return
    index = json.loads((out / INDEX).read_text("utf-8"))
    index["weight_map"] |= dict.fromkeys(rest, REST)
    save_file(rest, out / REST, metadata=form)
    (out / INDEX).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", "utf-8")


class _AdapterSettings(BaseModel):
    """What ``peft`` has to know of an adapter that ftdojo trained. Everything else has its default."""

    r: int = Field(ge=1, le=2**16)
    lora_alpha: float = Field(gt=0, le=2**20)
    target_modules: list[Annotated[str, Field(pattern=r"^[\w.]+$")]] = Field(max_length=2**16)


def copy_adapter(adapter: Path, out: Path) -> None:
    """Copy an adapter that may come from a stranger: its weights, and of its settings those that ftdojo's trainers
    write, so that ``peft`` reads nothing else of it.

    Raises:
        ValueError: if the settings are not those of such an adapter.
    """
    settings = _AdapterSettings.model_validate_json((adapter / ADAPTER_CONFIG).read_bytes())
    out.mkdir(parents=True, exist_ok=True)
    fixed = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "inference_mode": True}
    (out / ADAPTER_CONFIG).write_text(json.dumps({**fixed, **settings.model_dump()}), "utf-8")
    for name in ADAPTER_FILES[1:]:
        shutil.copyfile(adapter / name, out / name, follow_symlinks=False)


def copy_text_files(base: Path, out: Path) -> None:
    """Copy tokenizer, chat template and generation settings of a model."""
    for pattern in (*TOKENIZER, GENERATION):
        for path in base.glob(pattern):
            shutil.copy(path, out / path.name)
