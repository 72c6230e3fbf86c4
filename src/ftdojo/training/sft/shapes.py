"""Batches of an epoch and their shapes, on which their cost depends: computed from the tokens, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ftdojo.models import prefix
from ftdojo.training.sft.tokens import IGNORED, Example


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a batch, which determines its cost: the number of rows, and of tokens of each kind per row."""

    rows: int
    prefix: int
    """Length of the common prefix of all rows, which is computed once."""
    width: int
    """Tokens of the longest row after the prefix; shorter rows are padded to it."""
    labels: int
    """Positions at which logits are computed, in every row."""


def shape(examples: Sequence[Example], *, share: bool) -> Shape:
    """Return the shape of the batch that :func:`ftdojo.training.sft.batches.collate` makes of ``examples``."""
    length, longest = measure_prefix(examples, share=share)
    ends = {len(e.labels) - i for e in examples for i, label in enumerate(e.labels) if label != IGNORED}
    return Shape(rows=len(examples), prefix=length, width=longest - length, labels=len(ends))


def cut_batches(examples: Sequence[Example], batch_size: int) -> list[list[Example]]:
    """Return the batches of an epoch in the order of the sampler's keys; ties keep their order."""
    keys = prefix.sort_keys([e.input_ids for e in examples], batch_size)
    order = sorted(range(len(examples)), key=keys.__getitem__)
    return [[examples[i] for i in order[k : k + batch_size]] for k in range(0, len(order), batch_size)]


def measure_prefix(examples: Sequence[Example], *, share: bool) -> tuple[int, int]:
    """Return the length of the common prefix that is computed once, and of the longest row, in tokens."""
    given = min(next(i for i, label in enumerate(e.labels) if label != IGNORED) for e in examples)
    length = prefix.shared_length([e.input_ids for e in examples], given - 1) if share else 0
    return length, max(len(e.input_ids) for e in examples)
