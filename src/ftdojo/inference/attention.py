"""Attention of one new token a row, for models whose heads share keys and values.

The fused kernel takes the heads one by one and passes over the keys for each. While answers are generated every head
asks once, so the heads that share keys can stand as so many queries of one head: one pass, and the same sums.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

NAME = "ftdojo_grouped"
"""How transformers knows it."""


def register() -> str:
    """Make the function known to transformers, and return its name there."""
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    ALL_ATTENTION_FUNCTIONS.register(NAME, grouped)
    ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, sdpa_mask)
    return NAME


def grouped(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **settings: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as transformers calls it.

    Args:
        query: of shape (rows, heads, queries, dimension).
        key: of shape (rows, shared heads, keys, dimension), and ``value`` alike.
        attention_mask: of shape (rows, 1, queries, keys), or ``None`` if everything may be looked at.

    Returns:
        The output of shape (rows, queries, heads, dimension); no weights.
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    rows, heads, queries, dimension = query.shape
    if queries > 1:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **settings)  # type: ignore[no-any-return]
    asked = query.reshape(rows, key.shape[1], heads // key.shape[1], dimension)
    output = scaled_dot_product_attention(
        asked, key, value, attn_mask=attention_mask, scale=settings.get("scaling"), dropout_p=0.0
    )
    return output.reshape(rows, 1, heads, dimension), None
