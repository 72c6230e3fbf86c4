"""Estimates of a training from the architecture alone: its peak memory, and its floating-point operations.

The memory is counted tensor by tensor, as autograd keeps them for the backward pass of a decoder with gated linear
units, root-mean-square norms and grouped heads (Llama, Qwen, Mistral, SmolLM); ``benchmarks/forecast.py`` compares it
with measured peaks. The peak can be at one of three moments: at the end of the forward pass, when all activations are
kept; at the end of the backward pass, when all gradients are kept; or in the optimizer step, which casts gradients to
float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ftdojo.contract.model_info import ModelInfo
from ftdojo.contract.train_config import WeightsConfig
from ftdojo.models import Compute
from ftdojo.training.sft.dry_run import Adapted
from ftdojo.training.sft.shapes import Shape, cut_batches, shape
from ftdojo.training.sft.tokens import Sequences

W = TypeVar("W", bound=WeightsConfig)

_BYTES = {"float32": 4, "bfloat16": 2}
_RUNTIME = {"cpu": 580 * 2**20, "cuda": 0.0}
"""Bytes besides the tensors. On a CPU the whole process counts, with interpreter and libraries; on a GPU only what
torch allocates."""
_LASTING = {"cpu": 1.32, "cuda": 1.0}
"""Factor for tensors that live through a step: on a CPU they take more memory than their size, because the C library
cannot fill all gaps between longer-lived tensors. Measured, as are the constants around it. On a GPU torch reports
exactly what it allocated."""
_PASSING = {"cpu": 1.72, "cuda": 1.0}
"""The same for temporary tensors within a layer, whose many sizes cause most of the gaps."""
_FOUR_BIT = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Bytes per 4-bit weight: 64 weights share a constant of one byte, and 256 constants share one of four bytes (Dettmers
et al. 2023, arXiv 2305.14314, section 3)."""
_SHORTEST = 64
"""Smallest ``max_length`` that is proposed, in tokens."""


def memory(
    model: ModelInfo,
    config: WeightsConfig,
    compute: Compute,
    batch: Shape | None = None,
    *,
    adapted: Adapted | None = None,
) -> float:
    """Return the peak memory, in bytes, of a training on one device, whose most expensive batch has this shape.

    Without a shape: the part that every batch needs. ``adapted``: what adapters change, if it is known
    (:func:`ftdojo.training.sft.dry_run.adapt`); otherwise it follows from the sizes of a dense decoder.
    """
    width = _BYTES[compute.precision]
    trained = float(adapted.parameters) if adapted else count_trained(model, config)
    output_layer = model.vocabulary * model.hidden_size * width if config.adapter is None else 0
    parts = config.devices if config.is_sharded else 1
    gathered = _gathered(model, config, width) if config.is_sharded else 0.0
    # Weights, two float32 moments, and a float32 master where the model computes in less.
    kept = (_weights(model, config, width) + trained * (8 + (4 if width < 4 else 0))) / parts
    gradients = trained * width / parts
    stepping = gradients + (4 * trained / parts if width < 4 else 0)
    if batch is None:
        return _RUNTIME[compute.device] + kept + max(stepping, gathered)
    activations, passing = _activations(model, config, compute, batch)
    activations += (adapted.copied if adapted else 0) * width
    logits = batch.rows * batch.labels * model.vocabulary
    lasting, brief = _LASTING[compute.device], _PASSING[compute.device]
    # Log-probabilities, their gradient before and after the softmax, each in float32.
    begun = lasting * (activations + gathered) + brief * max(12 * logits + output_layer, passing)
    ended = lasting * (gradients + output_layer + gathered) + brief * passing
    return _RUNTIME[compute.device] + kept + max(begun, ended, brief * stepping)


def _activations(model: ModelInfo, config: WeightsConfig, compute: Compute, batch: Shape) -> tuple[float, float]:
    """Return the bytes that the forward pass keeps, and those that one layer needs temporarily."""
    width, eager = _BYTES[compute.precision], compute.attention == "eager"
    hidden, inner = model.hidden_size, model.intermediate_size
    queries, pairs = model.heads * model.head_size, model.key_value_heads * model.head_size
    tokens = batch.rows * batch.width + batch.prefix
    keys = batch.prefix + batch.width
    scores = model.heads * (batch.rows * batch.width * keys + batch.prefix**2)

    norms = 2 * hidden * (4 + width)  # their input in float32, their output
    if config.adapter is None:
        norms += 2 * hidden * width if width < 4 else 2 * hidden * 4  # the inputs of their weights
    attention = 2 * queries * width  # queries and output
    mlp = 4 * inner * width  # gate, its activation, up, and their product
    layer = tokens * (norms + attention + mlp + _adapters(model, config, width))
    # The fused kernel gets keys and values once per head.
    layer += (batch.rows * keys + batch.prefix) * 2 * (pairs if eager else queries) * width
    # The eager function keeps the softmax in float32, and rounded.
    layer += scores * (4 + (width if width < 4 else 0)) if eager else tokens * model.heads * 4
    if batch.prefix:  # the cache through which the rows use the prefix
        layer += batch.rows * keys * 2 * pairs * width
    passing = tokens * (3 * inner * width + 2 * hidden * 4) + (scores * (8 + 2 * width) if eager else 0)
    if config.facts.four_bit:  # the dequantized weights of one module
        passing += hidden * inner * width
    return model.layers * layer, passing


def _weights(model: ModelInfo, config: WeightsConfig, width: int) -> float:
    """Bytes of the model's own weights."""
    if not config.facts.four_bit:
        return model.parameters * width
    linear = _linear(model)
    return linear * _FOUR_BIT + (model.parameters - linear) * width


def _gathered(model: ModelInfo, config: WeightsConfig, width: int) -> float:
    """Bytes of the weights that a device of a sharded training holds whole at a time: those outside of the layers, one
    layer and the next; and as many gradients, if these weights are trained."""
    linear = _linear(model)
    once = (model.parameters - linear + 2 * linear / model.layers) * width
    return once if config.adapter is not None else 2 * once


def _linear(model: ModelInfo) -> int:
    """Number of weights of the linear modules of all layers."""
    queries, pairs = model.heads * model.head_size, model.key_value_heads * model.head_size
    return model.layers * model.hidden_size * (2 * queries + 2 * pairs + 3 * model.intermediate_size)


def _adapters(model: ModelInfo, config: WeightsConfig, width: int) -> float:
    """Bytes per token that the adapters of one layer keep: between A and B, and the inputs after dropout."""
    if config.adapter is None:
        return 0
    inputs = 5 * model.hidden_size + model.heads * model.head_size + model.intermediate_size
    return 7 * config.adapter.rank * width + (inputs * (width + 1) if config.adapter.dropout else 0)


def count_trained(model: ModelInfo, config: WeightsConfig) -> float:
    """Return the number of trained parameters; for adapters, as if all linear modules had one."""
    if config.adapter is None:
        return model.parameters
    queries, pairs = model.heads * model.head_size, model.key_value_heads * model.head_size
    # Queries and output, keys and values, gate, up and down: each A and B together have both sides of their module.
    sides = 2 * (model.hidden_size + queries) + 2 * (model.hidden_size + pairs)
    return float(model.layers * config.adapter.rank * (sides + 3 * (model.hidden_size + model.intermediate_size)))


def operations(model: ModelInfo, batch: Shape) -> float:
    """Floating-point operations of one forward pass: two per weight and token, and the products of attention
    (Kaplan et al. 2020, arXiv 2001.08361, section 2.1). A training step takes about three times as many."""
    tokens = batch.rows * batch.width + batch.prefix
    scores = batch.rows * batch.width * (batch.prefix + batch.width) + batch.prefix**2
    logits = batch.rows * batch.labels * model.vocabulary * model.hidden_size
    return 2.0 * (_linear(model) * tokens + logits) + 4.0 * model.layers * model.heads * model.head_size * scores


def peak(
    examples: Sequence[Sequences],
    model: ModelInfo,
    config: WeightsConfig,
    compute: Compute,
    *,
    adapted: Adapted | None = None,
) -> float:
    """Return the peak memory of a training on these rows, in bytes; ``adapted`` as for :func:`memory`."""
    shapes = {shape(batch, share=True) for batch in cut_batches(examples, config.batch_size)}
    return max(memory(model, config, compute, s, adapted=adapted) for s in shapes)


def find_fitting(config: W, needed: Callable[[W], float], available: float) -> W | None:
    """Return the nearest configuration that needs no more than ``available`` bytes, or ``None`` if there is none.

    If several devices train, the model is split over them first, because that changes no result. Then the batches are
    made smaller, with more of them per step; if one row is still too long, rows are cut; last, adapters replace full
    weights, and 4-bit weights replace those of the base model.

    Args:
        config: the configuration that does not fit.
        needed: returns the peak memory of a configuration, in bytes.
        available: available memory, in bytes.
    """

    def most(low: int, high: int, key: str, start: W) -> W | None:
        """Return ``start`` with the greatest value of ``key`` from ``low`` to ``high`` that fits."""
        found = None
        while low <= high:
            middle = (low + high) // 2
            changed = start.model_copy(update={key: middle})
            if needed(changed) <= available:
                found, low = changed, middle + 1
            else:
                high = middle - 1
        return found

    if config.can_be_sharded:
        split = config.model_copy(update={"sharding": "full"})
        if needed(split) <= available:
            return split
    rows = config.batch_size * config.gradient_accumulation
    if smaller := most(1, config.batch_size, "batch_size", config):
        return smaller.model_copy(update={"gradient_accumulation": max(1, round(rows / smaller.batch_size))})
    single = config.model_copy(update={"batch_size": 1, "gradient_accumulation": rows})
    if shorter := most(_SHORTEST, config.max_length, "max_length", single):
        return shorter
    smaller = config.smaller
    return find_fitting(smaller, needed, available) if smaller else None
