"""What adapters do to a model, found out without its weights: whether they fit, and how much is trained.

The formulas of :mod:`ftdojo.training.sft.estimate` describe decoders with dense layers. Other models are built here on
the device ``meta``, with their adapters, and counted.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftdojo.contract.train_config import Lora
from ftdojo.models import network, support
from ftdojo.models.architectures import BATCHED
from ftdojo.models.info import describe, headers

VOCABULARY_MATRICES = 2
"""The embedding and the output layer."""


def is_needed(base: Path) -> bool:
    """Whether the formulas may not hold for a model: it has experts, its architecture is unusual, or other matrices
    than those of its vocabulary have the size of the vocabulary, too."""
    settings = support.read_json(base)
    return (
        settings.get("model_type") not in BATCHED
        or any("expert" in key for key in settings)
        or _count_vocabulary_matrices(base) > VOCABULARY_MATRICES
    )


def _count_vocabulary_matrices(base: Path) -> int:
    vocabulary, shapes = describe(base).vocabulary, [tensor["shape"] for tensor in headers(base).values()]
    return sum(len(shape) == 2 and vocabulary in shape for shape in shapes)


@dataclass(frozen=True, slots=True)
class Adapted:
    """What adapters change."""

    fault: str | None = None
    """Why they cannot be put on the model."""
    parameters: int = 0
    """Number of trained parameters."""
    copied: int = 0
    """Number of weights of which a changed copy is kept for the backward pass: peft adds adapters of experts, which are
    stored as one tensor, to the weights and not to the output."""
    ranks: Mapping[str, int] = field(default_factory=dict)
    """The names of the stored tensors that they change, and the highest rank of the change."""


def adapt(base: Path, lora: Lora) -> Adapted:
    """Return what the adapters of a training change in a model.

    Raises:
        UsageError: if the model cannot be read.
    """
    return _adapt(base, lora.rank, lora.targets if isinstance(lora.targets, str) else tuple(lora.targets))


@functools.lru_cache(maxsize=8)
def _adapt(base: Path, rank: int, targets: str | tuple[str, ...]) -> Adapted:
    shapes, _ = network.load_shapes(base)
    return adapt_shapes(shapes, rank, targets, _stored_names(shapes))


def adapt_shapes(
    shapes: Any, rank: int, targets: str | tuple[str, ...], names: Mapping[int, list[str]] | None = None
) -> Adapted:
    """Return what adapters change in a model on the device ``meta``; ``names`` are those of its stored tensors, by the
    ``id`` of the parameter."""
    import torch
    from peft import LoraConfig, get_peft_model

    stored = names or {}
    wanted = targets if isinstance(targets, str) else list(targets)
    settings = LoraConfig(r=rank, target_modules=wanted, task_type="CAUSAL_LM")
    try:
        with network.quiet(), torch.device("meta"):
            adapted: Any = get_peft_model(shapes, settings, autocast_adapter_dtype=False)
    except (ValueError, TypeError, NotImplementedError, RuntimeError) as error:
        return Adapted(fault=" ".join(str(error).split())[:300])
    if (reason := fault(adapted)) is not None:
        return Adapted(fault=reason)
    ranks = {n: max(m.r.values()) for m in _layers(adapted) for n in stored.get(id(_weight(m)), [])}
    trained = sum(math.prod(p.shape) for p in adapted.parameters() if p.requires_grad)
    copied = sum(math.prod(_weight(m).shape) for m in _layers(adapted) if hasattr(m, "parameter_name"))
    return Adapted(parameters=trained, copied=copied, ranks=ranks)


def fault(adapted: Any) -> str | None:
    """Return why the adapters of a model cannot be trained and merged; ``None`` if they can."""
    from torch.nn import Linear

    seen: set[int] = set()
    for module in _layers(adapted):
        inner = module.get_base_layer()
        if isinstance(inner, Linear) and type(inner).forward not in (Linear.forward, _four_bit_forward()):
            return f"the output of {type(inner).__name__} is not that of a linear module"
        if id(_weight(module)) in seen:
            return f"several layers share weights ({type(inner).__name__}), so their adapters cannot be merged"
        seen.add(id(_weight(module)))
    if (lost := _lost(adapted)) is not None:
        return f"peft does not find the adapter of {lost} again where it was saved"
    return None


def _lost(adapted: Any) -> str | None:
    """Return a module whose adapter is lost when it is loaded, if there is one.

    peft renames what it loads by the library's rules for older checkpoints, also what has its new name already. Seen
    with transformers 5.23 and 5.24: ``mlp.shared_experts.`` becomes ``mlp.shared_experts..`` in Laguna.
    """
    from peft import get_peft_model_state_dict
    from peft.utils.transformers_weight_conversion import convert_peft_adapter_state_dict_for_transformers as rename

    saved = get_peft_model_state_dict(adapted)
    ((name, settings),) = adapted.peft_config.items()
    found = rename(model=adapted, peft_config=settings, adapter_state_dict=dict(saved), adapter_name=name)
    lost = next((matrix for matrix in saved if matrix not in found), None)
    return lost and lost.removeprefix("base_model.model.").partition(".lora_")[0]


def _layers(adapted: Any) -> Iterator[Any]:
    return (module for module in adapted.modules() if hasattr(module, "lora_A") and module.r)


def _weight(layer: Any) -> Any:
    """The parameter that an adapter changes."""
    return getattr(layer.get_base_layer(), getattr(layer, "parameter_name", "weight"))


def _four_bit_forward() -> Any:
    """``forward`` of linear modules whose weights are quantized for training, if that library is loaded."""
    module = sys.modules.get("bitsandbytes.nn")
    return module.Linear4bit.forward if module else None


def _stored_names(shapes: Any) -> dict[int, list[str]]:
    """Return the names of the stored tensors that hold a parameter, by its ``id``: experts are stored one by one."""
    from transformers.core_model_loading import revert_weight_conversion

    return {
        id(parameter): list(revert_weight_conversion(shapes, {name: parameter.data}))
        for name, parameter in shapes.named_parameters()
    }
