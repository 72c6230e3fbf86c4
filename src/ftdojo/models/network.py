"""Load a causal language model for training or generation."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftdojo.errors import UsageError

if TYPE_CHECKING:
    import torch

NEEDED = ("position_ids", "past_key_values", "logits_to_keep")
"""Arguments that a model's forward has to take; those of nearly all decoders in transformers do."""


def load(model: Path, dtype: torch.dtype, attention: str) -> Any:
    """The model in ``model``, quietly, on the CPU, its weights as ``dtype``.

    Raises:
        UsageError: if its architecture cannot be run the way training and generation do.
    """
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    network = AutoModelForCausalLM.from_pretrained(
        model, dtype=dtype, attn_implementation=attention, use_safetensors=True
    )
    missing = [name for name in NEEDED if name not in inspect.signature(network.forward).parameters]
    if missing:
        raise UsageError(
            f"{type(network).__name__} takes no {', '.join(missing)}",
            fix="choose a decoder with rotary or learned positions, such as Llama, Qwen, Gemma or SmolLM",
        )
    return network
