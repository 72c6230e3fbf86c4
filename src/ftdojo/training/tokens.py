"""Rows to tokens, through the model's own chat template, so that what is learned is what will be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftdojo import models
from ftdojo.training.rows import Row

IGNORED = -100
"""The label of a token that is not learned, as in transformers."""


@dataclass(frozen=True, slots=True)
class Example:
    """One tokenized row; the two lists have the same length."""

    input_ids: list[int]
    labels: list[int]

    @property
    def label_tokens(self) -> int:
        """How many tokens are learned."""
        return sum(label != IGNORED for label in self.labels)


@dataclass(frozen=True, slots=True)
class TokenStatistics:
    """Token counts over all rows."""

    rows: int
    tokens: int
    label_tokens: int
    row_p50: int
    row_p95: int
    row_max: int
    label_p50: int
    label_p95: int
    label_max: int
    truncated: int
    """Rows that were longer than ``max_length`` and lost their end."""
    unlabelled: int
    """Rows of which nothing is left to learn."""


@dataclass(frozen=True, slots=True)
class Tokenized:
    """All rows that have something to learn, and what was counted over all of them."""

    examples: list[Example]
    statistics: TokenStatistics


def tokenize(rows: Sequence[Row], base: Path, *, max_length: int) -> Tokenized:
    """Tokenize rows for the model in ``base``; rows longer than ``max_length`` tokens are cut at their end."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    prompts = tokenizer(
        [models.render_prompt(tokenizer, row.prompt) for row in rows], add_special_tokens=False
    ).input_ids
    endings = [row.completion + tokenizer.eos_token for row in rows]
    completions = tokenizer(endings, add_special_tokens=False).input_ids
    pairs = list(zip(prompts, completions, strict=True))
    examples = [
        Example((given + learned)[:max_length], ([IGNORED] * len(given) + learned)[:max_length])
        for given, learned in pairs
    ]
    return Tokenized([e for e in examples if e.label_tokens], _count(pairs, examples, max_length))


def _count(pairs: list[tuple[Any, Any]], examples: list[Example], max_length: int) -> TokenStatistics:
    lengths = sorted(len(e.input_ids) for e in examples)
    labels = sorted(e.label_tokens for e in examples)

    def percentile(values: list[int], share: float) -> int:
        return values[round(share * (len(values) - 1))]

    return TokenStatistics(
        rows=len(examples),
        tokens=sum(lengths),
        label_tokens=sum(labels),
        row_p50=percentile(lengths, 0.5),
        row_p95=percentile(lengths, 0.95),
        row_max=lengths[-1],
        label_p50=percentile(labels, 0.5),
        label_p95=percentile(labels, 0.95),
        label_max=labels[-1],
        truncated=sum(len(given) + len(learned) > max_length for given, learned in pairs),
        unlabelled=sum(count == 0 for count in labels),
    )
