"""What a training will need, from the architecture: memory before anything runs, time from a measured rate."""

from __future__ import annotations

from ftdojo.models import Compute, ModelInfo
from ftdojo.training.config import TrainConfig

_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
_RUNTIME = {"cpu": 0.9 * 2**30, "cuda": 0.6 * 2**30}
"""Libraries, buffers and the allocator's slack."""


def memory(model: ModelInfo, config: TrainConfig, compute: Compute, *, longest: int) -> float:
    """Peak bytes of a training whose longest row has ``longest`` tokens: weights, gradients, optimizer states,
    activations, logits. With ``longest=0`` what it needs whatever its rows are.

    Activations are counted per layer and token as the tensors that a decoder layer keeps for its backward pass: about
    14 of the hidden size and 4 of the inner size, plus the attention weights of every head where attention is eager.
    """
    width = _BYTES[compute.precision]
    trained = _trained(model, config)
    # Gradient in the model's precision, float32 master and two float32 moments.
    states = trained * (width + 4 + 8)
    tokens = config.batch_size * longest
    layer = tokens * (14 * model.hidden_size + 4 * model.intermediate_size) * width
    attention = 3 * config.batch_size * model.heads * longest**2 * width if compute.attention == "eager" else 0
    logits = 3 * tokens * model.vocabulary * 4 / 8  # a label at one position in eight, the usual share of answers
    return model.parameters * width + states + model.layers * (layer + attention) + logits + _RUNTIME[compute.device]


def _trained(model: ModelInfo, config: TrainConfig) -> float:
    adapter = config.adapter
    if adapter is None:
        return model.parameters
    # Seven linear maps a layer: four of hidden x hidden (fewer with grouped heads), three of hidden x inner.
    sides = 4 * 2 * model.hidden_size + 3 * (model.hidden_size + model.intermediate_size)
    return float(model.layers * adapter.rank * sides)


def available_memory(compute: Compute) -> float:
    """Bytes that a training may take now."""
    if compute.device == "cuda":
        import torch

        return float(torch.cuda.mem_get_info()[0])
    import psutil

    return float(psutil.virtual_memory().available)
