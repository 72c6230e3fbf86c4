"""Architecture and identity of a model, from its files. No weights are loaded."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

from ftdojo import digest as digests
from ftdojo.contract.model_info import ModelInfo
from ftdojo.errors import UsageError

PARTS = (".safetensors", ".json", ".jinja", ".model", ".txt")
"""Suffixes of the files of a model: weights, configuration, tokenizer, chat template."""
MAX_HEADER_BYTES = 100 * 10**6
"""The most that safetensors itself reads."""
SAVED = "give a folder that save_pretrained wrote"
MANIFEST = "manifest.json"
"""Written next to a converted model by the store. It contains a date, so it is not part of the model's identity."""


def describe(model: Path) -> ModelInfo:
    """Read the architecture from the configuration and the headers of the weights.

    Raises:
        UsageError: if the folder has no causal language model in safetensors.
    """
    try:
        config = json.loads((model / "config.json").read_text("utf-8"))
        text = config.get("text_config", config)
        tensors = [t for f in sorted(model.glob("*.safetensors")) for t in _header(f).values()]
    except (ValueError, AttributeError, RecursionError, struct.error) as error:
        raise UsageError(f"the model in {model} cannot be read: {error}", fix=SAVED) from None
    if not tensors:
        fix = "save it with save_pretrained; pickled weights are not read, because they can run code"
        raise UsageError(f"{model} holds no safetensors weights", fix=fix)
    stored: dict[str, int] = {}
    for tensor in tensors:
        stored[tensor["dtype"]] = stored.get(tensor["dtype"], 0) + math.prod(tensor["shape"])
    try:
        return ModelInfo(
            architecture=config["architectures"][0],
            parameters=sum(stored.values()),
            precision=max(stored, key=lambda name: stored[name]),
            layers=text["num_hidden_layers"],
            hidden_size=text["hidden_size"],
            intermediate_size=text.get("intermediate_size") or 4 * text["hidden_size"],
            heads=text["num_attention_heads"],
            key_value_heads=text.get("num_key_value_heads") or text["num_attention_heads"],
            head_size=text.get("head_dim") or text["hidden_size"] // text["num_attention_heads"],
            vocabulary=text["vocab_size"],
            context_length=text["max_position_embeddings"],
        )
    except KeyError as error:
        raise UsageError(
            f"{model / 'config.json'} has no {error}", fix="choose a causal language model of transformers"
        ) from None
    except (ValueError, TypeError, IndexError, ArithmeticError) as error:
        raise UsageError(f"the model in {model} cannot be described: {error}", fix=SAVED) from None


def linear_modules(model: Path) -> list[str]:
    """Return the full names of the modules that have a weight matrix, except embeddings."""
    config = json.loads((model / "config.json").read_text("utf-8"))
    vocabulary = config.get("text_config", config).get("vocab_size")
    tensors = {n: t for f in sorted(model.glob("*.safetensors")) for n, t in _header(f).items()}
    matrices = [n for n, t in tensors.items() if n.endswith(".weight") and len(t["shape"]) == 2]
    outer = {n for n in matrices if tensors[n]["shape"][0] == vocabulary and not n.startswith("lm_head")}
    return sorted(n.removesuffix(".weight") for n in matrices if n not in outer)


def digest(model: Path) -> str:
    """Return the identity of a model: a digest of its configuration, tokenizer, template and weights."""
    files = sorted(p for p in model.iterdir() if p.suffix in PARTS and p.name != MANIFEST)
    return digests.of_value([[p.name, digests.of_file(p)] for p in files])


def _header(path: Path) -> dict[str, Any]:
    """Read the header of a safetensors file, by tensor name: eight bytes of length, then JSON, then the data."""
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        if length > MAX_HEADER_BYTES:
            raise ValueError(f"the header of {path.name} would have {length} bytes")
        header: dict[str, Any] = json.loads(stream.read(length))
    header.pop("__metadata__", None)
    return header
