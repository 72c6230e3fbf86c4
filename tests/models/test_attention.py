"""Attention of heads that share keys: the same outputs and gradients as transformers' own functions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import LlamaConfig
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.models.llama.modeling_llama import LlamaAttention, eager_attention_forward

from ftdojo.models import attention

ROWS, DIMENSION = 3, 8
OWN = {"eager": eager_attention_forward, "sdpa": sdpa_attention_forward}
OURS = {"eager": attention.eager, "sdpa": attention.sdpa}


def inputs(heads: int, shared: int, queries: int, keys: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(ROWS, heads, queries, DIMENSION), (ROWS, shared, keys, DIMENSION), (ROWS, shared, keys, DIMENSION)]
    query, key, value = (torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes)
    return query, key, value


def attending(heads: int, shared: int) -> LlamaAttention:
    config = LlamaConfig(num_attention_heads=heads, num_key_value_heads=shared, hidden_size=heads * DIMENSION)
    return LlamaAttention(config, 0)


def mask(queries: int, keys: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Causal, with another padding on the left of every row."""
    places = torch.arange(keys)
    seen = places[None, :] <= torch.arange(queries)[:, None] + keys - queries
    seen = torch.stack([seen & (places >= row) for row in range(ROWS)])[:, None]
    return torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, torch.finfo(dtype).min)


@pytest.mark.parametrize("name", ["eager", "sdpa"])
@pytest.mark.parametrize("heads", [(6, 2), (4, 4), (6, 1)], ids=str)
@pytest.mark.parametrize("queries", [1, 5])
def test_outputs_and_gradients_are_those_of_transformers(name: str, heads: tuple[int, int], queries: int) -> None:
    module, keys = attending(*heads), 9

    def result(function: Any) -> list[torch.Tensor]:
        tensors = inputs(*heads, queries, keys)
        output, _ = function(module, *tensors, mask(queries, keys), scaling=DIMENSION**-0.5, dropout=0.0)
        (output * torch.linspace(-1, 1, output.numel()).view_as(output)).sum().backward()
        return [output, *(tensor.grad for tensor in tensors)]

    for ours, own in zip(result(OURS[name]), result(OWN[name]), strict=True):
        torch.testing.assert_close(ours, own, atol=1e-6, rtol=1e-5)


def test_what_asks_for_more_is_left_to_transformers() -> None:
    with pytest.raises(ValueError, match="softcap"):
        attention.sdpa(attending(6, 2), *inputs(6, 2, 4, 4), mask(4, 4), scaling=1.0, softcap=30.0)


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize(("queries", "masked"), [(1, True), (1, False), (7, True), (7, False)])
def test_short_and_long_generation_in_bfloat16(
    short: bool, queries: int, masked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a mask a token attends to everything up to itself."""
    monkeypatch.setattr(attention, "SHORT", 2**14 if short else 0)
    keys = 40 if masked or queries == 1 else queries
    query, key, value = (tensor.detach().bfloat16() for tensor in inputs(6, 2, queries, keys))
    seen = mask(queries, keys, torch.bfloat16) if masked else None
    ours, _ = attention.sdpa(attending(6, 2), query, key, value, seen, scaling=0.3)
    own, _ = sdpa_attention_forward(attending(6, 2), query, key, value, seen, scaling=0.3)
    torch.testing.assert_close(ours, own, atol=0.02, rtol=0.02)
