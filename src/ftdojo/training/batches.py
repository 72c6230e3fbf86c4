"""Batches: rows of similar length together, padded on the left so that answers end where the batch ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler

from ftdojo.training.tokens import IGNORED, Example


class LengthGroupedSampler(Sampler[int]):
    """Every epoch: rows sorted by length (ties broken at random), cut into batches, the batches in random order.

    The order of the batches is free of length, unlike with mega-batches that are each sorted, so that long rows do
    not all come first.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths = torch.tensor(lengths)
        self._batch_size = batch_size
        self._generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        shuffled = torch.randperm(len(self._lengths), generator=self._generator)
        order = shuffled[torch.argsort(self._lengths[shuffled], stable=True)]
        batches = [order[i : i + self._batch_size] for i in range(0, len(order), self._batch_size)]
        for i in torch.randperm(len(batches), generator=self._generator).tolist():
            yield from batches[i].tolist()


def collate(examples: Sequence[Example], pad: int) -> dict[str, torch.Tensor]:
    """One batch: ``input_ids``, ``attention_mask``, ``position_ids`` and ``labels``, each of shape (rows, longest)."""
    longest = max(len(e.input_ids) for e in examples)

    def padded(rows: list[list[int]], value: int) -> torch.Tensor:
        return torch.tensor([[value] * (longest - len(row)) + row for row in rows])

    mask = padded([[1] * len(e.input_ids) for e in examples], 0)
    return {
        "input_ids": padded([e.input_ids for e in examples], pad),
        "attention_mask": mask,
        "position_ids": (mask.cumsum(1) - 1).clamp(min=0),
        "labels": padded([e.labels for e in examples], IGNORED),
    }
