"""A key-value cache that grows in place."""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

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
                self._enlarged(key_states, end + SPARE_TOKENS),
                self._enlarged(value_states, end + SPARE_TOKENS),
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
            shape = (rows, part.keys.shape[1], longest + SPARE_TOKENS, part.keys.shape[3])
            self._buffers = part.keys.new_empty(shape), part.values.new_empty(shape)
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
    def _enlarged(states: torch.Tensor, tokens: int) -> torch.Tensor:
        rows, heads, _, dimension = states.shape
        return states.new_empty(rows, heads, tokens, dimension)


def prefill(network: Any, prefix: torch.Tensor, empty: DynamicCache) -> DynamicCache:
    """Fill the cache ``empty`` with the tokens of ``prefix``, of shape (1, length), and return it."""
    # Without the output layer: on a CPU the logits of a single token would copy all of its weights.
    network.get_decoder()(input_ids=prefix, past_key_values=empty, use_cache=True)
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
