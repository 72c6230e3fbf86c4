"""Rows to tokens with the model's own chat template, so that training and generation use the same format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ftdojo.contract.row import Row
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.models import Chat
from ftdojo.training.backend import Tokenized, TokenStatistics

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


def tokenize(rows: Sequence[Row], base: Path, *, max_length: int) -> Tokenized[Example]:
    """Tokenize rows for the model in ``base``; rows longer than ``max_length`` tokens are cut at their end.

    The assistant's turns are learned, each with the token that ends it, except those with weight 0; everything before
    them is given.

    Raises:
        InputError: if the model's template cannot be used for one of the rows (``bad_template``).
        UsageError: if the model has no chat template.
    """
    chat = Chat(base)
    examples, truncated = [], 0
    for number, row in enumerate(rows, start=1):
        try:
            tokens, learned = chat.conversation(row.messages)
        except ValueError as error:
            raise _bad_template(number, error) from None
        truncated += len(tokens) > max_length
        tokens, learned = tokens[:max_length], learned[:max_length]
        labels = [token if is_label else IGNORED for token, is_label in zip(tokens, learned, strict=True)]
        examples.append(Example(tokens, labels))
    return Tokenized([e for e in examples if e.label_tokens], _count(examples, truncated))


def truncate(examples: Sequence[Example], max_length: int) -> list[Example]:
    """Return the rows cut at their end to ``max_length`` tokens, without rows that then have no label token."""
    cut = (Example(e.input_ids[:max_length], e.labels[:max_length]) for e in examples)
    return [e for e in cut if e.label_tokens]


def _count(examples: Sequence[Example], truncated: int) -> TokenStatistics:
    lengths = sorted(len(e.input_ids) for e in examples)
    labels = sorted(e.label_tokens for e in examples)

    def percentile(values: list[int], share: float) -> int:
        return values[round(share * (len(values) - 1))] if values else 0

    return TokenStatistics(
        rows=len(examples),
        tokens=sum(lengths),
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
