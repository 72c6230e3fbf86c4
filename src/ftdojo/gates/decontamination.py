"""Evaluation items among the training rows: nobody trains on them, and nobody finds them by handing in guesses.

A count of such rows would be an oracle: guess an item, hand it in among others, see whether the count is one higher. So
nothing changes in what a submitter sees: a row that contains an item stays, with the words of its prompt in disorder.
Only a submission that holds many items is told of it, by their number with noise (two-sided geometric, which makes
neighbouring numbers alike: Ghosh, Roughgarden and Sundararajan 2009, arXiv 0811.2841). It is the number of items, not
of rows, or a hundred rows with one guess would tell of it. The noise depends on which items were found, so that asking
again does not wear it off. The record has the exact number of rows.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ftdojo.contract.row import Row
from ftdojo.data import OverlapIndex
from ftdojo.errors import InputError
from ftdojo.findings import Finding

TOLD_FROM = 20
"""A noisy number below this is told as 0."""
NOISE, MOST_NOISE = 3.0, 15
"""Scale of the noise, in items, and its bound: a few items are never told of, and very many always."""
TOO_MANY = 1 / 3
"""More items than this share of its rows, and a submission is refused."""
TRIES = 20


@dataclass(frozen=True, slots=True)
class Decontaminated:
    """Rows that contain no evaluation item."""

    rows: list[dict[str, Any]]
    found: int
    """Rows that contained one. For the record alone."""
    told: int
    """How many items their author is told of."""

    def refuse_if_many(self) -> None:
        """Raise an ``InputError`` (``evaluation_items``, gate 2) if, by what is told, there were too many."""
        if self.told > TOO_MANY * len(self.rows):
            message = f"about {self.told} evaluation items are among the {len(self.rows)} rows"
            fix = "use the raw training data"
            raise InputError([Finding(code="evaluation_items", gate=2, message=message, where="data program", fix=fix)])


def decontaminate(rows: Sequence[dict[str, Any]], parsed: Sequence[Row], index: OverlapIndex) -> Decontaminated:
    """The same rows in the same order, those that contain an evaluation item in disorder. ``parsed``: of each row."""
    found = {number: items for number, row in enumerate(parsed) if (items := index.matches(row.turns))}
    different = sorted(frozenset().union(*found.values()))
    seed = hashlib.blake2b(repr((index.digest, different)).encode()).hexdigest()
    rng = random.Random(seed)  # noqa: S311 - secret, as the items in its seed are
    told = len(different) + _noise(rng)
    clean = list(rows)
    for number in found:
        about = {key: rows[number][key] for key in ("subtask",) if key in rows[number]}
        clean[number] = _disordered(parsed[number], index, rng) | about
    return Decontaminated(clean, len(found), told if told >= TOLD_FROM else 0)


def _noise(rng: random.Random) -> int:
    """The difference of two geometric numbers with ratio ``exp(-1 / NOISE)``."""
    one, other = (int(-NOISE * math.log(1 - rng.random())) for _ in range(2))
    return max(-MOST_NOISE, min(one - other, MOST_NOISE))


def _disordered(row: Row, index: OverlapIndex, rng: random.Random) -> dict[str, Any]:
    """The row with the words of its prompt in another order; if need be, those of its completion, too."""

    def mixed(text: str) -> str:
        return " ".join(rng.sample(words := text.split(), len(words)))

    def texts() -> Iterator[list[str]]:
        for number in range(2 * TRIES):
            yield [*map(mixed, row.turns[:-1]), row.completion if number < TRIES else mixed(row.completion)]
        yield ["…" for _ in row.turns]  # of so few words that no order is another

    contents = next(found for found in texts() if not index.matches(found))
    roles = [*(turn["role"] for turn in row.prompt), "assistant"]
    return {"messages": [{"role": role, "content": text} for role, text in zip(roles, contents, strict=True)]}
