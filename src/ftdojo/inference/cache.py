"""A key-value cache that grows in place."""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

ROOM = 64
"""Tokens of room that a layer makes when it is full."""


class GrowingLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values in buffers with room to spare.

    ``DynamicLayer`` copies all of them for every token, which at a batch of 64 takes a third of a step on a CPU.
    """

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self._buffers: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append keys and values of shape (rows, heads, tokens, dimension); all of them so far are returned."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        begin = self.get_seq_length()
        end = begin + key_states.shape[2]
        if self._buffers is None or self._buffers[0].shape[2] < end:
            self._buffers = self._enlarged(key_states, end + ROOM), self._enlarged(value_states, end + ROOM)
            if begin:
                self._buffers[0][:, :, :begin] = self.keys
                self._buffers[1][:, :, :begin] = self.values
        self._buffers[0][:, :, begin:end] = key_states
        self._buffers[1][:, :, begin:end] = value_states
        self.keys, self.values = self._buffers[0][:, :, :end], self._buffers[1][:, :, :end]
        return self.keys, self.values

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat every row; the buffers are made anew with the next token."""
        super().batch_repeat_interleave(repeats)
        self._buffers = None

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep some rows; the buffers are made anew with the next token."""
        super().batch_select_indices(indices)
        self._buffers = None

    @staticmethod
    def _enlarged(states: torch.Tensor, tokens: int) -> torch.Tensor:
        rows, heads, _, dimension = states.shape
        return states.new_empty(rows, heads, tokens, dimension)


def growing(layers: int) -> DynamicCache:
    """An empty cache of so many growing layers."""
    cache = DynamicCache()
    cache.layers = [GrowingLayer() for _ in range(layers)]
    return cache
