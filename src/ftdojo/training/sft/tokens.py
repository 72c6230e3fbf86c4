"""Rows to tokens with the model's own chat template, so that training and generation use the same format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, TypeVar

from ftdojo.contract.row import Row
from ftdojo.contract.task_spec import Message
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.models import Chat
from ftdojo.training.backend import Tokenized, TokenizedRow, TokenStatistics

IGNORED = -100
"""The label of a token that is not learned, as in transformers."""


@dataclass(frozen=True, slots=True)
class Example:
    """One tokenized row; the two lists have the same length."""

    input_ids: list[int]
    labels: list[int]
    """The token itself where it is learned, else ``IGNORED``."""

    @property
    def tokens(self) -> int:
        """Number of tokens that pass through the model."""
        return len(self.input_ids)

    @property
    def label_tokens(self) -> int:
        """Number of tokens with a label."""
        return sum(label != IGNORED for label in self.labels)

    @property
    def sequences(self) -> tuple[Example, ...]:
        """The sequences of tokens that pass through the model: this one."""
        return (self,)

    def cut(self, max_length: int) -> Example:
        """Return the row cut at its end to ``max_length`` tokens."""
        return Example(self.input_ids[:max_length], self.labels[:max_length])


class Sequences(TokenizedRow, Protocol):
    """A row that passes through the model as one or more sequences of tokens, each with labels."""

    @property
    def sequences(self) -> tuple[Example, ...]:
        """The sequences."""

    def cut(self, max_length: int) -> Self:
        """Return the row with every sequence cut at its end to ``max_length`` tokens."""


S = TypeVar("S", bound=Sequences)


def longest(row: Sequences) -> int:
    """Return the number of tokens of the longest sequence of a row."""
    return max(len(sequence.input_ids) for sequence in row.sequences)


def tokenize(rows: Sequence[Row], base: Path, *, max_length: int) -> Tokenized[Example]:
    """Tokenize rows for the model in ``base``; rows longer than ``max_length`` tokens are cut at their end.

    The assistant's turns are learned, each with the token that ends it, except those with weight 0; everything before
    them is given.

    Raises:
        InputError: if the model's template cannot be used for one of the rows (``bad_template``).
        UsageError: if the model has no chat template.
    """
    chat = Chat(base)
    whole = [encode(chat, row.messages, number) for number, row in enumerate(rows, start=1)]
    return cut_rows(whole, max_length)


def encode(chat: Chat, messages: Sequence[Message], number: int) -> Example:
    """Tokenize the conversation of row ``number``.

    Raises:
        InputError: if the model's template cannot be used for it (``bad_template``).
    """
    try:
        tokens, learned = chat.conversation(messages)
    except ValueError as error:
        raise _bad_template(number, error) from None
    return Example(tokens, [token if is_label else IGNORED for token, is_label in zip(tokens, learned, strict=True)])


def cut_rows(whole: Sequence[S], max_length: int) -> Tokenized[S]:
    """Return rows cut at their end to ``max_length`` tokens, and their statistics."""
    rows = [row.cut(max_length) for row in whole]
    truncated = sum(longest(row) > max_length for row in whole)
    return Tokenized([row for row in rows if row.label_tokens], _count(rows, truncated))


def truncate(examples: Sequence[S], max_length: int) -> list[S]:
    """Return the rows cut at their end to ``max_length`` tokens, without rows that then have no label token."""
    return [cut for cut in (e.cut(max_length) for e in examples) if cut.label_tokens]


def _count(rows: Sequence[Sequences], truncated: int) -> TokenStatistics:
    """Count the tokens of rows; of a row of several sequences, the longest one counts as its length."""
    lengths = sorted(map(longest, rows))
    labels = sorted(row.label_tokens for row in rows)

    def percentile(values: list[int], share: float) -> int:
        return values[round(share * (len(values) - 1))] if values else 0

    return TokenStatistics(
        rows=len(rows),
        tokens=sum(row.tokens for row in rows),
        label_tokens=sum(labels),
        row_p50=percentile(lengths, 0.5),
        row_p95=percentile(lengths, 0.95),
        row_max=percentile(lengths, 1.0),
        label_p50=percentile(labels, 0.5),
        label_p95=percentile(labels, 0.95),
        label_max=percentile(labels, 1.0),
        truncated=truncated,
        unlabelled=sum(count == 0 for count in labels),
    )


def _bad_template(number: int, error: ValueError) -> InputError:
    finding = Finding(
        code="bad_template",
        message=f"row {number} cannot be rendered: {error}",
        where="data program",
        fix="write rows with turns that the model's template takes, or choose another one with --chat-template",
    )
    return InputError([finding])
