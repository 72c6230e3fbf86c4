"""Batches of similar rows, with a common prefix kept apart, padded on the left so that answers end together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler

from ftdojo.models import prefix
from ftdojo.training.sft.shapes import measure_prefix
from ftdojo.training.sft.tokens import IGNORED, Example

Batch = dict[str, torch.Tensor]


class GroupedSampler(Sampler[int]):
    """In every epoch: sort rows by key (ties at random), cut them into batches, spread the batches over the epoch.

    With the keys of :func:`ftdojo.models.prefix.sort_keys`, similar rows are adjacent. Batches with the same beginning
    are placed at random but even distances, so that every part of the epoch has the mix of the whole. A last batch that
    is not full stays last, so that the loader cuts between batches.
    """

    def __init__(self, keys: Sequence[prefix.Key], batch_size: int, seed: int) -> None:
        self._keys = keys
        self._batch_size = batch_size
        self._generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[int]:
        shuffled = torch.randperm(len(self._keys), generator=self._generator).tolist()
        order = sorted(shuffled, key=self._keys.__getitem__)
        batches = [order[i : i + self._batch_size] for i in range(0, len(order), self._batch_size)]
        rest = batches.pop() if len(batches[-1]) < self._batch_size else []
        for batch in [*self._spread(batches), rest]:
            yield from batch

    def _spread(self, batches: list[list[int]]) -> list[list[int]]:
        """Order the batches: shuffle those of one kind, and place each at random in its own part of the epoch."""
        kinds: dict[tuple[int, ...], list[int]] = {}
        for number, batch in enumerate(batches):
            kinds.setdefault(tuple(self._keys[batch[0]][0]), []).append(number)
        place = [0.0] * len(batches)
        for numbers in kinds.values():
            shuffled = torch.randperm(len(numbers), generator=self._generator).tolist()
            offsets = torch.rand(len(numbers), generator=self._generator).tolist()
            for number, share, offset in zip(numbers, shuffled, offsets, strict=True):
                place[number] = (share + offset) / len(numbers)
        return [batches[i] for i in sorted(range(len(batches)), key=place.__getitem__)]


class RepeatedBatches(Sampler[int]):
    """Every batch of a sampler several times in a row. Rows that fill no batch at the end of an epoch are left out."""

    def __init__(self, once: Sampler[int], batch_size: int, times: int) -> None:
        self._once, self._batch_size, self._times = once, batch_size, times

    def __len__(self) -> int:
        return len(self._once) // self._batch_size * self._batch_size * self._times  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[int]:
        rows = list(self._once)
        for at in range(0, len(rows) - self._batch_size + 1, self._batch_size):
            yield from rows[at : at + self._batch_size] * self._times


def collate(examples: Sequence[Example], pad: int, *, share: bool) -> Batch:
    """Make one batch.

    Args:
        examples: its rows.
        pad: the token to pad with, on the left.
        share: whether to separate a common prefix (:mod:`ftdojo.models.prefix`).

    Returns:
        ``input_ids``, ``position_ids`` and ``labels`` of shape (rows, longest rest), ``attention_mask`` of shape (rows,
        prefix + longest rest); and ``prefix`` of shape (1, prefix) if there is one. The first column of ``labels`` is
        always ``IGNORED``, because the token before a label is always in the rest.
    """
    rows = [e.input_ids for e in examples]
    length, longest = measure_prefix(examples, share=share)
    longest -= length

    def padded(values: list[list[int]], fill: int) -> torch.Tensor:
        return torch.tensor([[fill] * (longest - len(row)) + row for row in values])

    rest = padded([[1] * (len(row) - length) for row in rows], 0)
    mask = torch.cat([torch.ones(len(rows), length, dtype=rest.dtype), rest], dim=1)
    batch = {
        "input_ids": padded([row[length:] for row in rows], pad),
        "attention_mask": mask,
        "position_ids": (mask.cumsum(1) - 1).clamp(min=0)[:, length:],
        "labels": padded([e.labels[length:] for e in examples], IGNORED),
    }
    if length:
        batch["prefix"] = torch.tensor([rows[0][:length]])
    return batch


def pack(batch: Batch, dtype: torch.dtype) -> Batch:
    """Return the inputs of a batch with a prefix as one row: the prefix, then the rest of every row.

    Args:
        batch: from :func:`collate`.
        dtype: the model's compute precision.

    Returns:
        ``input_ids`` and ``position_ids`` of shape (1, prefix + rows x width); ``attention_mask`` of shape (rows, 1,
        width, prefix + width), which is 0 where a token of a row attends to one of the prefix or the row.
    """
    head, rest = batch["prefix"], batch["input_ids"]
    length, width = head.shape[1], rest.shape[1]
    places = torch.arange(length + width, device=rest.device)
    hidden = (places[None, :] > places[length:, None]) | (batch["attention_mask"][:, None] == 0)
    return {
        "input_ids": torch.cat([head, rest.reshape(1, -1)], dim=1),
        "position_ids": torch.cat([places[None, :length], batch["position_ids"].reshape(1, -1)], dim=1),
        "attention_mask": torch.zeros(hidden.shape, dtype=dtype, device=rest.device).masked_fill_(
            hidden, torch.finfo(dtype).min
        )[:, None],
    }
