"""Attention functions for transformers, with two features that its own do not have.

*Heads that share keys and values.* The functions of transformers copy keys and values once per head, and sum the
gradients over the copies again. Here, on a CPU, the heads that share keys become additional queries of one head: the
same sums, in fewer and larger products.

*Packed batches.* The common prefix of all rows comes once before them, in one long row
(:func:`ftdojo.training.sft.batches.pack`), so that all other layers process every token once. Here the rows are
separated again, each with the keys of the prefix before its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import dropout, scaled_dot_product_attention, softmax

SHORT = 2**14
"""Up to this many scores per head and row, CPUs take less time for single operations in bfloat16 than for torch's fused
kernel: measured half its time at 43 by 95, twice its time at 256 by 256."""
_OURS = "ftdojo_"

Attention = Callable[..., tuple[torch.Tensor, torch.Tensor | None]]


def install(network: Any) -> None:
    """Replace a network's attention function, ``eager`` or ``sdpa``, by ours, if the network supports that."""
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    name = network.config._attn_implementation
    ALL_ATTENTION_FUNCTIONS.register(_OURS + name, {"eager": eager, "sdpa": sdpa}[name])
    ALL_MASK_ATTENTION_FUNCTIONS.register(_OURS + name, _mask)
    if network.is_backend_compatible():
        network.set_attn_implementation(_OURS + name)


def supports_packing(network: Any) -> bool:
    """Whether a network supports packed batches."""
    return bool(network.config._attn_implementation.startswith(_OURS))


def _mask(**settings: Any) -> torch.Tensor | None:
    """Make the mask: on a CPU the values to add to the scores, once for all layers; on a GPU the form that its kernels
    prefer."""
    from transformers.masking_utils import eager_mask, sdpa_mask

    on_processor = torch.device(settings["device"]).type == "cpu"
    made: torch.Tensor | None = (eager_mask if on_processor else sdpa_mask)(**settings)
    return made


def eager(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **settings: Any,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Attention in single operations, with the softmax in float32.

    Args:
        module: the attention module.
        query: of shape (rows, heads, queries, dimension).
        key: of shape (rows, shared heads, keys, dimension), and ``value`` alike.
        attention_mask: of shape (rows, 1, queries, keys): added to the scores, or true where keys are attended to;
            ``None`` if all are.
        settings: further arguments from transformers.

    In a packed batch, query, key and value have one row with the tokens of the prefix and then of all rows. The mask
    has the shape (rows, 1, width, prefix + width), which gives the two lengths.

    Returns:
        The output of shape (rows, queries, heads, dimension), and the weights if transformers' own function ran.
    """
    if attention_mask is not None and attention_mask.shape[2] != query.shape[2]:
        return _packed(eager, module, query, key, value, attention_mask, settings)
    attention_mask = _added(attention_mask, query.dtype)
    if query.shape[1] == key.shape[1] or not _plain(settings):
        own = sys.modules[type(module).__module__].eager_attention_forward
        return own(module, query, key, value, attention_mask, **settings)  # type: ignore[no-any-return]
    rate = settings.get("dropout", 0.0) if module.training else 0.0
    return _single(query, key, value, attention_mask, settings["scaling"], rate), None


def sdpa(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **settings: Any,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Attention with torch's fused kernel, or in single operations where that is faster.

    Arguments and output as for :func:`eager`; but without a mask, a query attends to what comes before it.
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if attention_mask is not None and attention_mask.shape[2] != query.shape[2]:
        return _packed(sdpa, module, query, key, value, attention_mask, settings)
    rows, heads, queries, dimension = query.shape
    shared, keys = key.shape[1:3]
    generates = query.device.type == "cpu" and not query.requires_grad
    if not generates or heads == shared or not _plain(settings) or (attention_mask is None and queries > 1):
        return sdpa_attention_forward(module, query, key, value, attention_mask, **settings)  # type: ignore[no-any-return]
    scaling = settings.get("scaling") or dimension**-0.5
    if query.dtype == torch.bfloat16 and queries * keys <= SHORT:
        attention_mask = _added(attention_mask, query.dtype)
        return _single(query, key.contiguous(), value.contiguous(), attention_mask, scaling, 0.0), None
    if attention_mask is not None and queries > 1:  # with one query, its row of the mask is broadcast
        attention_mask = attention_mask[:, :, None].expand(-1, -1, heads // shared, -1, -1).flatten(2, 3)
    asked = query.reshape(rows, shared, -1, dimension)
    output = scaled_dot_product_attention(asked, key, value, attn_mask=attention_mask, scale=scaling)
    return output.view(rows, heads, queries, -1).transpose(1, 2), None


def _packed(
    function: Attention,
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor,
    settings: dict[str, Any],
) -> tuple[torch.Tensor, None]:
    rows, _, width, keys = mask.shape
    length = keys - width

    def split(states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the states of the prefix, and those of the rows."""
        first, rest = states[:, :, :length], states[0, :, length:]
        return first, rest.reshape(rest.shape[0], rows, width, -1).transpose(0, 1)

    (first, asked), *both = split(query), split(key), split(value)
    causal = torch.ones(length, length, dtype=torch.bool, device=mask.device).tril()[None, None]
    before, _ = function(module, first, *(states for states, _ in both), causal, **settings)
    joined = [torch.cat([states.expand(rows, -1, -1, -1), rest], dim=2) for states, rest in both]
    after, _ = function(module, asked, *joined, mask, **settings)
    return torch.cat([before, after.flatten(0, 1)[None]], dim=1), None


def _single(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    scaling: float,
    dropout_rate: float,
) -> torch.Tensor:
    rows, heads, queries, dimension = query.shape
    shared, keys = key.shape[1:3]
    asked = (query * scaling).reshape(rows, shared, -1, dimension)
    scores = (asked @ key.transpose(2, 3)).view(rows, shared, -1, queries, keys)
    if mask is not None:
        scores = scores + mask[:, :, None]
    weights = softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    if dropout_rate:
        weights = dropout(weights, dropout_rate)
    output = weights.view(rows, shared, -1, keys) @ value
    return output.view(rows, heads, queries, -1).transpose(1, 2).contiguous()


def _added(mask: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor | None:
    """Return a mask as values to add to the scores."""
    if mask is None or mask.dtype != torch.bool:
        return mask
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, torch.finfo(dtype).min)


def _plain(settings: dict[str, Any]) -> bool:
    """Whether a model uses only scaling and dropout: no caps, sinks, biases or pages."""
    return all(settings.get(name) is None for name in ("softcap", "s_aux", "position_bias", "cache"))
