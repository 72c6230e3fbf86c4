"""Batches of an epoch and their shapes, on which their cost depends: computed from the tokens, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ftdojo.models import prefix
from ftdojo.training.sft.tokens import IGNORED, Example, S, Sequences


@dataclass(frozen=True, slots=True)
class Shape:
    """The shape of a batch, which determines its cost: the number of rows, and of tokens of each kind per row."""

    rows: int
    """Sequences: of a row that passes as several, all of them."""
    prefix: int
    """Length of the common prefix of all rows, which is computed once."""
    width: int
    """Tokens of the longest row after the prefix; shorter rows are padded to it."""
    labels: int
    """Positions at which logits are computed, in every row."""


def shape(rows: Sequence[Sequences], *, share: bool) -> Shape:
    """Return the shape of the batch that :func:`ftdojo.training.sft.batches.collate` makes of all sequences of rows."""
    examples = [sequence for row in rows for sequence in row.sequences]
    length, longest = measure_prefix(examples, share=share)
    ends = {len(e.labels) - i for e in examples for i, label in enumerate(e.labels) if label != IGNORED}
    return Shape(rows=len(examples), prefix=length, width=longest - length, labels=len(ends))


def row_keys(rows: Sequence[Sequences], batch_size: int) -> list[prefix.Key]:
    """Return the sort keys of rows (:func:`ftdojo.models.prefix.sort_keys`); a row of several sequences has the key of
    its longest one."""
    return prefix.sort_keys([max((s.input_ids for s in row.sequences), key=len) for row in rows], batch_size)


def cut_positions(rows: Sequence[Sequences], batch_size: int) -> list[list[int]]:
    """Return the positions of the rows of each batch, in the order of the sampler's keys; ties keep their order."""
    keys = row_keys(rows, batch_size)
    order = sorted(range(len(rows)), key=keys.__getitem__)
    return [order[k : k + batch_size] for k in range(0, len(order), batch_size)]


def cut_batches(rows: Sequence[S], batch_size: int) -> list[list[S]]:
    """Return the batches of an epoch (:func:`cut_positions`)."""
    return [[rows[i] for i in positions] for positions in cut_positions(rows, batch_size)]


def measure_prefix(examples: Sequence[Example], *, share: bool) -> tuple[int, int]:
    """Return the length of the common prefix that is computed once, and of the longest row, in tokens."""
    given = min(next(i for i, label in enumerate(e.labels) if label != IGNORED) for e in examples)
    length = prefix.shared_length([e.input_ids for e in examples], given - 1) if share else 0
    return length, max(len(e.input_ids) for e in examples)
