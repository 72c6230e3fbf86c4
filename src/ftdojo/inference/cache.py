"""A key-value cache that grows in place."""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from ftdojo.models.network import cache_argument

SPARE_TOKENS = 64
"""Free space, in tokens, that a layer adds when its buffers are full."""


class GrowingLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values in buffers with free space at their end.

    ``DynamicLayer`` copies all of them for every token, which with a batch of 64 takes a third of a step on a CPU.
    """

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self._buffers: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append keys and values of shape (rows, heads, tokens, dimension); return all of them so far."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        begin = self.get_seq_length()
        end = begin + key_states.shape[2]
        if self._buffers is None or self._buffers[0].shape[2] < end:
            self._buffers = (
                self._empty(key_states, len(key_states), end),
                self._empty(value_states, len(value_states), end),
            )
            if begin:
                self._buffers[0][:, :, :begin] = self.keys
                self._buffers[1][:, :, :begin] = self.values
        self._buffers[0][:, :, begin:end] = key_states
        self._buffers[1][:, :, begin:end] = value_states
        self.keys, self.values = self._buffers[0][:, :, :end], self._buffers[1][:, :, :end]
        return self.keys, self.values

    def place(self, part: GrowingLayer, *, at: int, rows: int, prefix: int, longest: int) -> None:
        """Copy the keys and values of some rows into this layer, see :func:`place`."""
        if self._buffers is None:
            self.lazy_initialization(part.keys, part.values)
            self._buffers = self._empty(part.keys, rows, longest), self._empty(part.values, rows, longest)
            self.keys, self.values = (buffer[:, :, :longest] for buffer in self._buffers)
        own = slice(at, at + part.keys.shape[0])
        rest = longest - (part.get_seq_length() - prefix)
        for whole, states in zip((self.keys, self.values), (part.keys, part.values), strict=True):
            whole[own, :, :prefix] = states[:, :, :prefix]
            whole[own, :, prefix:rest] = 0  # masked, but must be finite
            whole[own, :, rest:] = states[:, :, prefix:]

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep only some rows; the next token allocates new buffers."""
        super().batch_select_indices(indices)
        self._buffers = None

    @staticmethod
    def _empty(states: torch.Tensor, rows: int, tokens: int) -> torch.Tensor:
        """A buffer for states of the form of ``states``; keys and values may have different dimensions."""
        return states.new_empty(rows, states.shape[1], tokens + SPARE_TOKENS, states.shape[3])


def prefill(network: Any, prefix: torch.Tensor, empty: DynamicCache) -> DynamicCache:
    """Fill the cache ``empty`` with the tokens of ``prefix``, of shape (1, length), and return it."""
    # Without the output layer: on a CPU the logits of a single token would copy all of its weights.
    decoder = network.get_decoder()
    decoder(input_ids=prefix, use_cache=True, **{cache_argument(decoder): empty})
    return empty


def repeat_cache(cache: DynamicCache, rows: int) -> DynamicCache:
    """Return a cache of ``rows`` rows that all begin with the one row of ``cache``."""
    made = empty_cache(len(cache.layers))
    for layer, one in zip(made.layers, cache.layers, strict=True):
        layer.update(one.keys.expand(rows, -1, -1, -1), one.values.expand(rows, -1, -1, -1))
    return made


def place(whole: DynamicCache, part: DynamicCache, *, at: int, rows: int, prefix: int, longest: int) -> None:
    """Copy the cache of some rows into that of their batch.

    Args:
        whole: the batch's cache.
        part: the rows' cache.
        at: the first of the rows.
        rows: how many the batch has.
        prefix: tokens that all rows have in common; they stay at the left.
        longest: tokens of the batch's longest prompt; the rest of each row is moved right to end there.
    """
    for layer, source in zip(whole.layers, part.layers, strict=True):
        layer.place(source, at=at, rows=rows, prefix=prefix, longest=longest)


def empty_cache(layers: int) -> DynamicCache:
    """Return an empty cache with this number of growing layers."""
    cache = DynamicCache()
    cache.layers = [GrowingLayer() for _ in range(layers)]
    return cache
