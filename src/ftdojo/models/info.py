"""Architecture and identity of a model, from its files. No weights are loaded."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ftdojo import digest as digests
from ftdojo.contract.model_info import ModelInfo
from ftdojo.errors import UsageError

PARTS = (".safetensors", ".json", ".jinja", ".model", ".txt")
"""Suffixes of the files of a model: weights, configuration, tokenizer, chat template."""
MAX_HEADER_BYTES = 100 * 10**6
"""The most that safetensors itself reads."""
POINTER = b"version https://git-lfs"
"""How a file begins that a clone without Git LFS has in place of the weights."""
SAVED = "give a folder that save_pretrained wrote"
"""What to do about a folder that holds no model, or a damaged one."""
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
"""Names of the file with all weights, and of the list of the files that share them."""
WRITTEN = frozenset(
    (
        "num_hidden_layers hidden_size intermediate_size num_attention_heads num_key_value_heads head_dim vocab_size "
        "max_position_embeddings"
    ).split()
)
"""The sizes in a configuration that are used here. What is not written has a default that the library knows."""
MANIFEST = "manifest.json"
"""Written next to a converted model by the store. It contains a date, so it is not part of the model's identity."""
CONTEXTS = ("max_position_embeddings", "seq_length", "max_seq_len", "context_length")
"""Names of the context length in configurations."""
UNBOUNDED = 2**20
"""The context length of architectures without one, such as recurrent ones."""


def describe(model: Path) -> ModelInfo:
    """Read the architecture from the configuration and the headers of the weights.

    What the file leaves out has the default of the library's configuration class.

    Raises:
        UsageError: if the folder has no causal language model in safetensors.
    """
    try:
        config = json.loads((model / "config.json").read_text("utf-8"))
        text = config.get("text_config", config)
        tensors = list(headers(model).values())
        if WRITTEN - text.keys():
            from ftdojo.models.support import read_config  # which imports this module, and transformers

            text = sizes_of(read_config(model).get_text_config())
    except (ValueError, AttributeError, RecursionError) as error:
        raise UsageError(f"the model in {model} cannot be read: {error}", fix=SAVED) from None
    if not tensors:
        fix = "save it with save_pretrained; pickled weights are not read, because they can run code"
        raise UsageError(f"{model} holds no safetensors weights", fix=fix)
    stored: dict[str, int] = {}
    for tensor in tensors:
        stored[tensor["dtype"]] = stored.get(tensor["dtype"], 0) + math.prod(tensor["shape"])
    names = config.get("architectures")
    if not isinstance(names, list) or not names:
        fix = "choose a causal language model of transformers"
        raise UsageError(f"{model / 'config.json'} has no 'architectures'", fix=fix)
    precision = max(stored, key=lambda name: stored[name])
    return summarize(model, text, architecture=names[0], parameters=sum(stored.values()), precision=precision)


def summarize(
    model: Path, sizes: Mapping[str, Any], *, architecture: str, parameters: int, precision: str
) -> ModelInfo:
    """Return the architecture of a model with these sizes, which have the library's names.

    Raises:
        UsageError: if one is missing, or is no size. ``model`` is its folder, for the message.
    """
    try:
        if wrong := [
            name for name in sorted(WRITTEN - {*CONTEXTS}) if isinstance(sizes.get(name), int) and sizes[name] < 0
        ]:
            raise ValueError(f"{wrong[0]} is {sizes[wrong[0]]}")
        heads = sizes.get("num_attention_heads") or sizes.get("num_heads") or 1
        inner = sizes.get("intermediate_size") or 4 * sizes["hidden_size"]
        return ModelInfo(
            architecture=architecture,
            parameters=parameters,
            precision=precision,
            layers=sizes["num_hidden_layers"],
            hidden_size=sizes["hidden_size"],
            intermediate_size=max(inner) if isinstance(inner, list) else inner,
            heads=heads,
            key_value_heads=sizes.get("num_key_value_heads") or heads,
            head_size=sizes.get("head_dim") or sizes["hidden_size"] // heads,
            vocabulary=sizes["vocab_size"],
            context_length=next((sizes[name] for name in CONTEXTS if sizes.get(name)), UNBOUNDED),
        )
    except KeyError as error:
        raise UsageError(
            f"{model / 'config.json'} has no {error}", fix="choose a causal language model of transformers"
        ) from None
    except (ValueError, TypeError, ArithmeticError) as error:
        raise UsageError(f"the model in {model} cannot be described: {error}", fix=SAVED) from None


def sizes_of(config: Any) -> dict[str, Any]:
    """Return the sizes in a configuration of the library, with its names for them."""
    names = (*WRITTEN, *CONTEXTS, "num_heads")
    return {name: getattr(config, name) for name in names if getattr(config, name, None) is not None}


def linear_modules(model: Path) -> list[str]:
    """Return the full names of the modules that have a weight matrix, except embeddings."""
    vocabulary = describe(model).vocabulary
    tensors = headers(model)
    matrices = [n for n, t in tensors.items() if n.endswith(".weight") and len(t["shape"]) == 2]
    outer = {n for n in matrices if tensors[n]["shape"][0] == vocabulary and not n.startswith("lm_head")}
    return sorted(n.removesuffix(".weight") for n in matrices if n not in outer)


def weight_files(model: Path) -> list[Path]:
    """Return the files of a model's weights, as the library chooses them: the single one, else those of the index.

    Other safetensors files can be in the same folder: Mistral's ``consolidated.safetensors`` holds the same weights in
    the form of another library.

    Raises:
        ValueError: if the index cannot be read.
    """
    single, index = model / SINGLE, model / INDEX
    if single.is_file():
        return [single]
    if index.is_file():
        named = json.loads(index.read_text("utf-8")).get("weight_map", {}).values()
        return [path for path in sorted(model.glob("*.safetensors")) if path.name in set(named)]
    return sorted(model.glob("*.safetensors"))


def headers(model: Path) -> dict[str, dict[str, Any]]:
    """Return type and shape of all tensors of a model, by name, as safetensors writes them.

    Raises:
        UsageError: if a file cannot be read.
    """
    try:
        return {name: tensor for path in weight_files(model) for name, tensor in _header(path).items()}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError, struct.error) as error:
        raise UsageError(f"the model in {model} cannot be read: {error}", fix=SAVED) from None


def digest(model: Path) -> str:
    """Return the identity of a model: a digest of its configuration, tokenizer, template and weights."""
    files = sorted(p for p in model.iterdir() if p.suffix in PARTS and p.name != MANIFEST)
    return digests.of_value([[p.name, digests.of_file(p)] for p in files])


def _header(path: Path) -> dict[str, Any]:
    """Read the header of a safetensors file, by tensor name: eight bytes of length, then JSON, then the data."""
    with path.open("rb") as stream:
        begin = stream.read(len(POINTER))
        if begin == POINTER:
            raise ValueError(f"{path.name} is a pointer of Git LFS, not the weights (git lfs pull fetches them)")
        if len(begin) < 8:
            raise ValueError(f"{path.name} is empty or cut")
        (length,) = struct.unpack("<Q", begin[:8])
        stream.seek(8)
        if length > MAX_HEADER_BYTES:
            raise ValueError(f"the header of {path.name} would have {length} bytes")
        header: dict[str, Any] = json.loads(stream.read(length))
    header.pop("__metadata__", None)
    return header
