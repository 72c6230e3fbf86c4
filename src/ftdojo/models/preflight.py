"""Whether a model can be trained and graded, found out before anything is spent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ftdojo.errors import UsageError
from ftdojo.models import network, support
from ftdojo.models.chat import Chat
from ftdojo.models.info import describe, headers, weight_files


def require_trainable(model: Path) -> None:
    """Check that training, export and grading can work on a model: from its configuration and the headers of its files.

    Raises:
        UsageError: if one of them cannot.
    """
    describe(model)
    config = support.require_supported(model)
    chat = Chat(model)
    loaded, unused = network.load_shapes(model)
    _require_known_tokens(model, chat, loaded.get_input_embeddings().weight.shape[0])
    forms = headers(model)
    stored = {name: tensor["shape"] for name, tensor in forms.items()}
    saved = _saved_tensors(loaded)
    written = {name: list(tensor.shape) for name, tensor in saved.items()}
    unused |= {name for name in stored.keys() - written.keys() if _is_ignored(loaded, name)}
    numbers = {name for name, tensor in saved.items() if tensor.is_floating_point()} & forms.keys()
    if coded := sorted(name for name in numbers if forms[name]["dtype"] not in support.FLOATS):
        support.refuse_quantized(model, coded[0])
    _require_same(model, {a: b for a, b in loaded.all_tied_weights_keys.items() if a in stored and b in stored})
    tied = set(loaded.all_tied_weights_keys)
    lost = sorted(n for n in stored if stored[n] != written.get(n) and n not in unused and n not in tied)
    gained = sorted(n for n in written if n not in stored and n not in tied)
    part = [f"{loaded.config.model_type}, a part of {config.model_type}"] * (type(loaded.config) is not type(config))
    if other := part + lost + gained:
        raise UsageError(
            f"{type(loaded).__name__} reads the weights in {model} but saves them in another form "
            f"({other[0]}), so a trained model could not be compared with it and graded",
            fix="load it with AutoModelForCausalLM of transformers, save it with save_pretrained, and give that folder",
        )


def _is_ignored(loaded: Any, name: str) -> bool:
    """Whether the library skips a stored tensor: masks and frequencies, which older versions saved."""
    patterns = {*(loaded._keys_to_ignore_on_load_unexpected or ()), r"rotary_emb\.inv_freq$"}
    return any(re.search(pattern, name) for pattern in patterns)


def _require_known_tokens(model: Path, chat: Chat, rows: int) -> None:
    """The embedding has a row for every token that the tokenizer can make of a text. Padding is masked."""
    if unknown := chat.tokens_from(rows):
        raise UsageError(
            f"the tokenizer in {model} has tokens that the model does not have, such as {unknown[0]!r}: the model has "
            f"{rows} tokens",
            fix="resize the model's embeddings (resize_token_embeddings), or remove the tokens from the tokenizer",
        )


def _require_same(model: Path, tied: dict[str, str]) -> None:
    """Tensors that the configuration ties have the same values where both are stored: only one of them is loaded."""
    import torch
    from safetensors import safe_open

    for names in tied.items():
        found = []
        for path in weight_files(model):
            with safe_open(path, "pt") as file:
                found += [file.get_tensor(name) for name in names if name in file.keys()]  # noqa: SIM118 - no mapping
        if not all(torch.equal(found[0], other) for other in found[1:]):
            raise UsageError(
                f"the configuration in {model} ties {names[0]} to {names[1]}, but their stored values differ",
                fix="set tie_word_embeddings to false in config.json if both are meant",
            )


def saved_shapes(loaded: Any) -> dict[str, list[int]]:
    """Return the shapes of the tensors that a model saves, by name."""
    return {name: list(tensor.shape) for name, tensor in _saved_tensors(loaded).items()}


def _saved_tensors(loaded: Any) -> dict[str, Any]:
    from transformers.core_model_loading import revert_weight_conversion

    saved: dict[str, Any] = revert_weight_conversion(loaded, dict(loaded.state_dict()))
    return saved
