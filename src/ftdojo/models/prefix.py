"""Shared prefixes: a prefix that all rows of a batch share is computed once.

Chat prompts of one task have the same beginning: the system turn and the instruction are often half of their tokens.
Keys and values of a causal model depend only on earlier tokens, so those of the shared prefix are the same for every
row. They are computed once and repeated. Gradients flow through the repetition and add up, so a training step is the
same up to the order of sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SHORTEST = 8
"""With fewer tokens than this, sharing costs more than it saves."""
DEPTHS = (0, 16, 32, 64, 128, 256, 512)
"""Candidate numbers of first tokens by which rows are grouped."""

Key = tuple[list[int], int]
"""Sort key of a row: its first tokens, then its length."""


def sort_keys(rows: Sequence[list[int]], size: int) -> list[Key]:
    """Return sort keys that give batches of ``size`` rows the fewest tokens to compute.

    Sorted by length alone, batches need little padding; sorted by first tokens, rows of one instruction are adjacent
    and share more. The number of first tokens is the cheapest for these rows, if groups fill batches on average.
    """
    depths = [d for d in DEPTHS if d == 0 or len({tuple(row[:d]) for row in rows}) * size <= len(rows)]

    def keys(depth: int) -> list[Key]:
        return [(row[:depth], len(row)) for row in rows]

    def cost(depth: int) -> int:
        order = sorted(range(len(rows)), key=keys(depth).__getitem__)
        return sum(_tokens([rows[i] for i in order[k : k + size]]) for k in range(0, len(order), size))

    return keys(min(depths, key=cost))


def _tokens(batch: Sequence[list[int]]) -> int:
    """Count the tokens that a batch computes: the shared prefix once, and the padded rest of every row."""
    lengths = [len(row) for row in batch]
    common = shared_length(batch, min(lengths) - 1)
    return common + len(batch) * (max(lengths) - common)


def shared_length(rows: Sequence[list[int]], longest: int) -> int:
    """Return the length of the rows' common prefix, at most ``longest``; 0 if sharing it saves nothing."""
    if len(rows) < 2 or longest < SHORTEST:
        return 0
    # The common prefix of the first and the last row in lexical order is that of all rows.
    first, last = min(rows), max(rows)
    differs = (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    common = min(next(differs, len(first)), longest)
    return common if common >= SHORTEST else 0


def can_share(config: Any) -> bool:
    """Whether the model of a transformers configuration keeps plain keys and values of all tokens in every layer.

    Only then can a prefix be repeated; sliding windows and recurrent states prevent it.
    """
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer

    layers = DynamicCache(config=config.get_text_config()).layers
    return bool(layers) and all(type(layer) is DynamicLayer for layer in layers)
