"""Attention of heads that share keys and values, without repeating those for every head.

The functions of transformers copy keys and values once a head, and where gradients flow sum over the copies again. Here
the heads that share keys stand as so many more queries of one head: the same sums, in fewer and larger products.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch.nn.functional import dropout, scaled_dot_product_attention, softmax

SHORT = 2**14
"""Up to so many scores a head and row, processors take less time for single operations in bfloat16 than for torch's
fused kernel: measured half of it at 43 by 95, twice of it at 256 by 256."""


def grouped(name: str) -> str:
    """Make our form of ``eager`` or ``sdpa`` attention known to transformers, and return its name there."""
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    ours = f"ftdojo_{name}"
    ALL_ATTENTION_FUNCTIONS.register(ours, {"eager": eager, "sdpa": sdpa}[name])
    ALL_MASK_ATTENTION_FUNCTIONS.register(ours, ALL_MASK_ATTENTION_FUNCTIONS["eager"])  # made once for all layers
    return ours


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
        attention_mask: of shape (rows, 1, queries, keys), added to the scores; ``None`` if everything is looked at.
        settings: what else transformers tells.

    Returns:
        The output of shape (rows, queries, heads, dimension), and weights if it is transformers' own function that ran.
    """
    if query.shape[1] == key.shape[1] or not _plain(settings):
        own = sys.modules[type(module).__module__].eager_attention_forward
        return own(module, query, key, value, attention_mask, **settings)  # type: ignore[no-any-return]
    left_out = settings.get("dropout", 0.0) if module.training else 0.0
    return _single(query, key, value, attention_mask, settings["scaling"], left_out), None


def sdpa(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    """Attention by torch's fused kernel, or where that is slower in single operations.

    Arguments and output as of :func:`eager`; but without a mask, what comes before a query is looked at.
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    rows, heads, queries, dimension = query.shape
    shared, keys = key.shape[1:3]
    if heads == shared or not _plain(settings) or (attention_mask is None and queries > 1):
        return sdpa_attention_forward(module, query, key, value, attention_mask, **settings)  # type: ignore[no-any-return]
    scaling, left_out = settings.get("scaling") or dimension**-0.5, settings.get("dropout", 0.0)
    if query.dtype == torch.bfloat16 and queries * keys <= SHORT:
        return _single(query, key.contiguous(), value.contiguous(), attention_mask, scaling, left_out), None
    if attention_mask is not None and queries > 1:  # of one query, a line of the mask is broadcast
        attention_mask = attention_mask[:, :, None].expand(-1, -1, heads // shared, -1, -1).flatten(2, 3)
    asked = query.reshape(rows, shared, -1, dimension)
    output = scaled_dot_product_attention(
        asked, key, value, attn_mask=attention_mask, dropout_p=left_out, scale=scaling
    )
    return output.view(rows, heads, queries, dimension).transpose(1, 2), None


def _single(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    scaling: float,
    left_out: float,
) -> torch.Tensor:
    rows, heads, queries, dimension = query.shape
    shared, keys = key.shape[1:3]
    asked = (query * scaling).reshape(rows, shared, -1, dimension)
    scores = (asked @ key.transpose(2, 3)).view(rows, shared, -1, queries, keys)
    if mask is not None:
        scores = scores + mask[:, :, None]
    weights = softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    if left_out:
        weights = dropout(weights, left_out)
    output = weights.view(rows, shared, -1, keys) @ value
    return output.view(rows, heads, queries, dimension).transpose(1, 2).contiguous()


def _plain(settings: dict[str, Any]) -> bool:
    """Whether a model asks for scaling and dropout only: no caps, sinks, biases or pages."""
    return all(settings.get(name) is None for name in ("softcap", "s_aux", "position_bias", "cache"))
