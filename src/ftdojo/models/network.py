"""Load a causal language model for training or generation."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftdojo.errors import UsageError
from ftdojo.models import support
from ftdojo.models.architectures import runs_batched, version_hint
from ftdojo.models.info import SAVED

if TYPE_CHECKING:
    import torch

NEEDED = ("position_ids", "logits_to_keep")
"""Arguments that the ``forward`` of a model that runs in batches must have, besides one for its cache."""
CACHES = ("cache", "past_key_values")
"""Names of the argument for keys and values: since transformers 5.24, and before."""


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

    ``attention`` is the wanted attention function, ``eager`` or ``sdpa``; a model that lacks ``sdpa`` gets ``eager``.
    With ``four_bit`` the weights of its linear modules, except the output layer, are quantized to 4-bit NormalFloat
    with quantized constants (Dettmers et al. 2023, arXiv 2305.14314), and it is on the device of this process.

    Raises:
        UsageError: if its files cannot be read or lack weights, or its architecture is not supported.
    """
    config = support.require_supported(model)
    # The parts of a model that reads more than text do not all support the same function: the library chooses.
    chosen = {} if config.sub_configs else {"attn_implementation": _supported_attention(config, attention)}
    quantized = {"quantization_config": _normal_float(dtype)} if four_bit else {}
    with quiet():
        network, _ = _read(model, config, dtype=dtype, **chosen, **quantized)
        _install_attention(network)
    if four_bit:
        _keep_trainable(network)
        _copy_from_file(network)
    return network


def set_attention(network: Any, attention: str) -> None:
    """Change the attention function of a model that runs in batches: to that with which :func:`load` would load it."""
    if network.config.sub_configs:
        return
    with quiet():
        network.set_attn_implementation(_supported_attention(network.config, attention))
        _install_attention(network)


def _supported_attention(config: Any, attention: str) -> str:
    return attention if support.has_fused_attention(config) else "eager"


def _install_attention(network: Any) -> None:
    from ftdojo.models import attention as functions

    if runs_batched(network.config):
        functions.install(network)


def load_shapes(model: Path) -> tuple[Any, frozenset[str]]:
    """Return the model without its weights (on the device ``meta``), and the names of tensors that it does not use.

    Only the headers of the files are read, which takes less than a second.

    Raises:
        UsageError: as :func:`load`.
    """
    config = support.require_supported(model)
    with quiet():
        network, unused = _read(model, config, device_map="meta")
    return network, unused


def _read(model: Path, config: Any, **settings: Any) -> tuple[Any, frozenset[str]]:
    import torch
    from transformers import AutoModelForCausalLM

    try:
        network, report = AutoModelForCausalLM.from_pretrained(
            model,
            config=config,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are refused below
            **settings,
        )
    except (torch.OutOfMemoryError, MemoryError, ImportError):
        raise
    except Exception as error:  # a damaged file can make its parser raise anything
        reason = " ".join(str(error).split())[:300]
        raise UsageError(
            f"the model in {model} cannot be read: {type(error).__name__}: {reason}",
            fix=SAVED,
        ) from error
    if unlike := sorted(report["mismatched_keys"]):
        name, stored, expected = unlike[0]
        raise UsageError(
            f"the files in {model} have weights of other sizes than config.json says, such as {name}: "
            f"{list(stored)}, and not {list(expected)}",
            fix="download the model again, or correct config.json",
        )
    if absent := sorted(report["missing_keys"]):
        raise UsageError(
            f"the files in {model} lack {len(absent)} of the weights of {type(network).__name__}, "
            f"such as {absent[0]}, which would be random",
            fix="download the model again, or choose one that was saved whole and for text generation",
        )
    if runs_batched(network.config):
        _require_arguments(network)
    return network, frozenset(report["unexpected_keys"])


def cache_argument(network: Any) -> str:
    """Return the name of the argument of a model that runs in batches by which it gets keys and values."""
    parameters = inspect.signature(network.forward).parameters
    return next(name for name in CACHES if name in parameters)


def usable_pad(network: Any, pad: int) -> int:
    """Return ``pad``, or a token that the model has in its place. Padding is masked, so any token serves."""
    rows = network.get_input_embeddings().weight.shape[0]
    return pad if 0 <= pad < rows else 0


def _require_arguments(network: Any) -> None:
    parameters = inspect.signature(network.forward).parameters
    missing = [name for name in NEEDED if name not in parameters]
    if not any(name in parameters for name in CACHES):
        missing.append(" or ".join(CACHES))
    if missing:
        raise UsageError(
            f"{type(network).__name__} does not accept {', '.join(missing)}; {version_hint()}",
            fix=f"pip install '{support.requirement()}'",
        )


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
