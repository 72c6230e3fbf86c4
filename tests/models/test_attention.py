"""Attention of heads that share keys: what transformers' own functions give, and their gradients."""

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


def inputs(heads: int, shared: int, queries: int, keys: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(ROWS, heads, queries, DIMENSION), (ROWS, shared, keys, DIMENSION), (ROWS, shared, keys, DIMENSION)]
    return [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]


def mask(name: str, queries: int, keys: int) -> torch.Tensor:
    """Causal, with another padding on the left of every row."""
    places = torch.arange(keys)
    seen = places[None, :] <= torch.arange(queries)[:, None] + keys - queries
    seen = torch.stack([seen & (places >= row) for row in range(ROWS)])[:, None]
    return seen if name == "sdpa" else torch.where(seen, 0.0, torch.finfo(torch.float32).min)


@pytest.mark.parametrize("name", ["eager", "sdpa"])
@pytest.mark.parametrize("heads", [(6, 2), (4, 4), (6, 1)], ids=str)
@pytest.mark.parametrize("queries", [1, 5])
def test_outputs_and_gradients_are_those_of_transformers(name: str, heads: tuple[int, int], queries: int) -> None:
    config = LlamaConfig(num_attention_heads=heads[0], num_key_value_heads=heads[1], hidden_size=heads[0] * DIMENSION)
    module, keys = LlamaAttention(config, 0), 9

    def result(function: Any) -> list[torch.Tensor]:
        tensors = inputs(*heads, queries, keys)
        output, _ = function(module, *tensors, mask(name, queries, keys), scaling=DIMENSION**-0.5, dropout=0.0)
        (output * torch.linspace(-1, 1, output.numel()).view_as(output)).sum().backward()
        return [output, *(tensor.grad for tensor in tensors)]

    for ours, own in zip(result(OURS[name]), result(OWN[name]), strict=True):
        torch.testing.assert_close(ours, own, atol=1e-6, rtol=1e-5)


def test_what_asks_for_more_is_left_to_transformers() -> None:
    config = LlamaConfig(num_attention_heads=6, num_key_value_heads=2, hidden_size=6 * DIMENSION)
    with pytest.raises(ValueError, match="softcap"):
        attention.sdpa(LlamaAttention(config, 0), *inputs(6, 2, 4, 4), mask("sdpa", 4, 4), scaling=1.0, softcap=30.0)


def test_without_a_mask_everything_before_a_token_is_looked_at() -> None:
    config = LlamaConfig(num_attention_heads=6, num_key_value_heads=2, hidden_size=6 * DIMENSION)
    tensors = inputs(6, 2, 4, 4)
    ours, _ = attention.sdpa(LlamaAttention(config, 0), *tensors, None, scaling=0.3)
    own, _ = sdpa_attention_forward(LlamaAttention(config, 0), *tensors, None, scaling=0.3)
    torch.testing.assert_close(ours, own)
