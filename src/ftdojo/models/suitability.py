"""What a base model can do here, found out before anything is trained: its files, its template, its end tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftdojo.contract.model_info import ModelInfo
from ftdojo.contract.task_spec import Message
from ftdojo.errors import UsageError
from ftdojo.models.chat import Chat
from ftdojo.models.info import SAVED, describe, sizes_of, summarize
from ftdojo.models.preflight import require_trainable
from ftdojo.models.support import require_supported

_USER: Message = {"role": "user", "content": "What is two and three?"}
_ANSWER: Message = {"role": "assistant", "content": "Five."}
_SYSTEM: Message = {"role": "system", "content": "Answer in one word."}
CONVERSATIONS: dict[str, list[Message]] = {
    "user, assistant": [_USER, _ANSWER],
    "several turns": [_USER, _ANSWER, _USER, _ANSWER],
    "a system turn": [_SYSTEM, _USER, _ANSWER],
}
"""What rows are made of -> an example of it. The first one is needed, the others are not."""


@dataclass(frozen=True, slots=True)
class Ability:
    """One check of a model, and its result."""

    name: str
    ok: bool
    detail: str
    needed: bool = True
    """Whether the model cannot be trained without it."""


def check_files(model: Path) -> Iterator[Ability]:
    """Check the weights, the tokenizer, the chat template and the end tokens of the model in a folder. Of the weights
    only the headers are read."""
    try:
        require_trainable(model)
    except UsageError as error:
        yield Ability("weights and lineage", False, f"{error.message}; {error.fix}")
    else:
        detail = "transformers reads all of them, and saves them in the same form, so a training can be graded"
        yield Ability("weights and lineage", True, detail)
    try:
        chat = Chat(model)
    except UsageError as error:
        yield Ability("template", False, f"{error.message}; {error.fix}")
        return
    for name, turns in CONVERSATIONS.items():
        needed = name == "user, assistant"
        try:
            tokens, generated = chat.conversation(turns)
        except (ValueError, UsageError) as error:
            yield Ability(f"template, {name}", False, f"refused: {error}", needed)
            continue
        learned = chat.decode([token for token, ours in zip(tokens, generated, strict=True) if ours])
        ends = chat.stops & {token for token, ours in zip(tokens, generated, strict=True) if ours}
        detail = f"{sum(generated)} of {len(tokens)} tokens are learned: {learned.strip()!r}"
        yield Ability(f"template, {name}", bool(ends), detail + ("" if ends else ", and no end token"), needed)
    yield _check_thinking(chat)
    shown = ", ".join(str(token) for token in sorted(chat.stops))
    yield Ability("stop tokens", True, f"ids {shown}")


def _check_thinking(chat: Chat) -> Ability:
    try:
        opened = chat.form.opens_thinking
    except ValueError as error:
        return Ability("thinking", False, str(error), needed=False)
    return Ability("thinking", True, f"prompts {'open' if opened else 'do not open'} a block of reasoning")


def describe_configuration(model: Path) -> ModelInfo:
    """Return the architecture of a model, also if its folder has a configuration and no weights.

    Without weights the parameters are counted on the model that transformers makes of the configuration, which takes no
    memory; they are taken for bfloat16.

    Raises:
        UsageError: if the configuration is not that of a causal language model.
    """
    if any(model.glob("*.safetensors")):
        return describe(model)
    network = shapes_of(model)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    sizes = sizes_of(network.config.get_text_config())
    return summarize(model, sizes, architecture=type(network).__name__, parameters=parameters, precision="BF16")


def shapes_of(model: Path) -> Any:
    """Return the model that transformers makes of a folder's configuration, on the device ``meta``.

    Raises:
        UsageError: if the configuration is not that of a causal language model.
    """
    import torch
    from transformers import AutoModelForCausalLM

    config = require_supported(model)
    try:
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config, trust_remote_code=False, attn_implementation="eager")
    except Exception as error:  # a configuration of a stranger can make its parser raise anything
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"the configuration in {model} cannot be used: {reason}", fix=SAVED) from error
