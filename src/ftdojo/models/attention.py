"""Attention of heads that share keys and values, without repeating those for every head.

The functions of transformers copy keys and values once a head, and where gradients flow sum over the copies again. Here
the heads that share keys stand as so many more queries of one head: the same sums, in fewer and larger products.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch.nn.functional import dropout, scaled_dot_product_attention, softmax


def grouped(name: str) -> str:
    """Make our form of ``eager`` or ``sdpa`` attention known to transformers, and return its name there."""
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    ours = f"ftdojo_{name}"
    ALL_ATTENTION_FUNCTIONS.register(ours, {"eager": eager, "sdpa": sdpa}[name])
    ALL_MASK_ATTENTION_FUNCTIONS.register(ours, ALL_MASK_ATTENTION_FUNCTIONS[name])
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
    rows, heads, queries, dimension = query.shape
    shared, keys = key.shape[1:3]
    if heads == shared or not _plain(settings):
        own = sys.modules[type(module).__module__].eager_attention_forward
        return own(module, query, key, value, attention_mask, **settings)  # type: ignore[no-any-return]
    asked = (query * settings["scaling"]).reshape(rows, shared, -1, dimension)
    scores = (asked @ key.transpose(2, 3)).view(rows, shared, -1, queries, keys)
    if attention_mask is not None:
        scores = scores + attention_mask[:, :, None]
    weights = softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    weights = dropout(weights, settings.get("dropout", 0.0), module.training)
    output = weights.view(rows, shared, -1, keys) @ value
    return output.view(rows, heads, queries, dimension).transpose(1, 2).contiguous(), None


def sdpa(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    """Attention by torch's fused kernel. Arguments and output as of :func:`eager`; the mask is true where keys are
    looked at."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    rows, heads, queries, dimension = query.shape
    shared = key.shape[1]
    if heads == shared or attention_mask is None or not _plain(settings):
        return sdpa_attention_forward(module, query, key, value, attention_mask, **settings)  # type: ignore[no-any-return]
    if queries > 1:  # else one line of the mask is broadcast
        attention_mask = attention_mask[:, :, None].expand(-1, -1, heads // shared, -1, -1).flatten(2, 3)
    output = scaled_dot_product_attention(
        query.reshape(rows, shared, -1, dimension),
        key,
        value,
        attn_mask=attention_mask,
        dropout_p=settings.get("dropout", 0.0),
        scale=settings.get("scaling"),
    )
    return output.view(rows, heads, queries, dimension).transpose(1, 2), None


def _plain(settings: dict[str, Any]) -> bool:
    """Whether a model asks for scaling and dropout only: no caps, sinks, biases or pages."""
    return all(settings.get(name) is None for name in ("softcap", "s_aux", "position_bias", "cache"))
