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
"""Arguments that a model's ``forward`` must have; nearly all decoders in transformers have them."""


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress output of transformers and peft for developers: progress bars, hints, deprecation warnings."""
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


def load(model: Path, dtype: torch.dtype, attention: str, *, four_bit: bool = False) -> Any:
    """Load the model in ``model`` on the CPU, with its weights as ``dtype``.

    With ``four_bit`` the weights of its linear modules, except the output layer, are quantized to 4-bit NormalFloat
    with quantized constants (Dettmers et al. 2023, arXiv 2305.14314), and it is on the device of this process.

    Raises:
        UsageError: if its files cannot be read, or its architecture cannot be run as training and generation run it.
    """
    import torch
    from transformers import AutoModelForCausalLM

    from ftdojo.models import attention as functions

    with quiet():
        try:
            network = AutoModelForCausalLM.from_pretrained(
                model,
                dtype=dtype,
                attn_implementation=attention,
                use_safetensors=True,
                quantization_config=_normal_float(dtype) if four_bit else None,
            )
        except (torch.OutOfMemoryError, MemoryError, ImportError):
            raise
        except Exception as error:  # a damaged file can make its parser raise anything
            reason = " ".join(str(error).split())[:300]
            raise UsageError(
                f"the model in {model} cannot be read: {type(error).__name__}: {reason}",
                fix="give a folder that save_pretrained wrote",
            ) from error
        functions.install(network)
    if four_bit:
        _keep_trainable(network)
        _copy_from_file(network)
    missing = [name for name in NEEDED if name not in inspect.signature(network.forward).parameters]
    if missing:
        raise UsageError(
            f"{type(network).__name__} does not accept {', '.join(missing)}",
            fix="choose a decoder with rotary or learned positions, such as Llama, Qwen, Gemma or SmolLM",
        )
    return network


def _normal_float(dtype: torch.dtype) -> Any:
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def _copy_from_file(network: Any) -> None:
    """Copy the weights that were not quantized: as views of the mapped file they would keep all of it in memory."""
    for parameter in network.parameters():
        if parameter.is_floating_point():
            parameter.data = parameter.data.clone()


def _keep_trainable(network: Any) -> None:
    """Prevent that modules on some CPUs change to a layout without gradients at the first call outside of training."""
    from bitsandbytes.nn import Linear4bit

    for module in network.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False
