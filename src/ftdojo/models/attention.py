"""Our form of the attention functions of transformers, for two things that those do not know.

*Heads that share keys and values.* The functions of transformers copy keys and values once a head, and where gradients
flow sum over the copies again. Here, on a processor, the heads that share keys stand as so many more queries of one
head: the same sums, in fewer and larger products.

*Packed batches.* What all rows begin with stands once before them, in one long row
(:func:`ftdojo.training.sft.batches.packed`), so that all other layers see every token once. Here the rows come apart
again, each with the keys of the beginning before its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import dropout, scaled_dot_product_attention, softmax

SHORT = 2**14
"""Up to so many scores a head and row, processors take less time for single operations in bfloat16 than for torch's
fused kernel: measured half of it at 43 by 95, twice of it at 256 by 256."""
_OURS = "ftdojo_"

Attention = Callable[..., tuple[torch.Tensor, torch.Tensor | None]]


def install(network: Any) -> None:
    """Let a network use our form of its attention function, ``eager`` or ``sdpa``, if it can be exchanged."""
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    name = network.config._attn_implementation
    ALL_ATTENTION_FUNCTIONS.register(_OURS + name, {"eager": eager, "sdpa": sdpa}[name])
    ALL_MASK_ATTENTION_FUNCTIONS.register(_OURS + name, _mask)
    if network.is_backend_compatible():
        network.set_attn_implementation(_OURS + name)


def packs(network: Any) -> bool:
    """Whether a network takes packed batches."""
    return bool(network.config._attn_implementation.startswith(_OURS))


def _mask(**settings: Any) -> torch.Tensor | None:
    """On a processor what is added to the scores, made once for all layers; on a GPU what its kernels like best."""
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
        attention_mask: of shape (rows, 1, queries, keys): added to the scores, or true where keys are looked at;
            ``None`` if all are.
        settings: what else transformers tells.

    Of a packed batch all three are of one row, of the tokens of the beginning and of all rows; the mask, which is of
    shape (rows, 1, tokens of a row, of the beginning and a row), tells how many those are.

    Returns:
        The output of shape (rows, queries, heads, dimension), and weights if it is transformers' own function that ran.
    """
    if attention_mask is not None and attention_mask.shape[2] != query.shape[2]:
        return _packed(eager, module, query, key, value, attention_mask, settings)
    attention_mask = _added(attention_mask, query.dtype)
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
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Attention by torch's fused kernel, or where that is slower in single operations.

    Arguments and output as of :func:`eager`; but without a mask, what comes before a query is looked at.
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
    if attention_mask is not None and queries > 1:  # of one query, a line of the mask is broadcast
        attention_mask = attention_mask[:, :, None].expand(-1, -1, heads // shared, -1, -1).flatten(2, 3)
    asked = query.reshape(rows, shared, -1, dimension)
    output = scaled_dot_product_attention(asked, key, value, attn_mask=attention_mask, scale=scaling)
    return output.view(rows, heads, queries, dimension).transpose(1, 2), None


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

    def apart(states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What is of the beginning, and what is of the rows."""
        first, rest = states[:, :, :length], states[0, :, length:]
        return first, rest.reshape(rest.shape[0], rows, width, -1).transpose(0, 1)

    (first, asked), *both = apart(query), apart(key), apart(value)
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


def _added(mask: torch.Tensor | None, dtype: torch.dtype) -> torch.Tensor | None:
    """A mask as what is added to the scores."""
    if mask is None or mask.dtype != torch.bool:
        return mask
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, torch.finfo(dtype).min)


def _plain(settings: dict[str, Any]) -> bool:
    """Whether a model asks for scaling and dropout only: no caps, sinks, biases or pages."""
    return all(settings.get(name) is None for name in ("softcap", "s_aux", "position_bias", "cache"))
