"""Load a causal language model for training or generation."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftdojo.errors import UsageError

if TYPE_CHECKING:
    import torch

NEEDED = ("position_ids", "past_key_values", "logits_to_keep")
"""Arguments that a model's forward has to take; those of nearly all decoders in transformers do."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what transformers and peft tell developers off the user's screen: bars, hints, coming deprecations."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def load(model: Path, dtype: torch.dtype, attention: str) -> Any:
    """The model in ``model``, on the CPU, its weights as ``dtype``.

    Raises:
        UsageError: if its architecture cannot be run the way training and generation do.
    """
    from transformers import AutoModelForCausalLM

    with quiet():
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
