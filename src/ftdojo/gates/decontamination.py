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

from ftdojo.contract.row import Row
from ftdojo.data import OverlapIndex
from ftdojo.errors import InputError
from ftdojo.findings import Finding

REPORTED_FROM = 20
"""A noisy number below this is reported as 0."""
NOISE, MOST_NOISE = 3.0, 15
"""Scale of the noise, in items, and its bound: a few items are never told of, and very many always."""
TOO_MANY = 1 / 3
"""More items than this share of its rows, and a submission is refused."""
TRIES = 20


@dataclass(frozen=True, slots=True)
class Decontaminated:
    """Rows that contain no evaluation item."""

    rows: list[Row]
    found: int
    """Rows that contained one. For the record alone."""
    reported: int
    """How many items the submitter may learn of: a noisy number, or 0."""

    def refuse_if_many(self) -> None:
        """Refuse rows of which too many are evaluation items, by the reported number.

        Raises:
            InputError: ``evaluation_items`` (gate 2).
        """
        if self.reported > TOO_MANY * len(self.rows):
            message = f"about {self.reported} evaluation items are among the {len(self.rows)} rows"
            fix = "use the raw training data"
            raise InputError([Finding(code="evaluation_items", gate=2, message=message, where="data program", fix=fix)])


def decontaminate(rows: Sequence[Row], index: OverlapIndex) -> Decontaminated:
    """The same rows in the same order; those that contain an evaluation item are disordered."""
    found = {number: items for number, row in enumerate(rows) if (items := index.matches(row.texts))}
    different = sorted(frozenset().union(*found.values()))
    seed = hashlib.blake2b(repr((index.digest, different)).encode()).hexdigest()
    rng = random.Random(seed)  # noqa: S311 - secret, as the items in its seed are
    reported = len(different) + _noise(rng)
    clean = list(rows)
    for number in found:
        clean[number] = _disorder(rows[number], index, rng)
    return Decontaminated(clean, len(found), reported if reported >= REPORTED_FROM else 0)


def _noise(rng: random.Random) -> int:
    """The difference of two geometric numbers with ratio ``exp(-1 / NOISE)``."""
    one, other = (int(-NOISE * math.log(1 - rng.random())) for _ in range(2))
    return max(-MOST_NOISE, min(one - other, MOST_NOISE))


def _disorder(row: Row, index: OverlapIndex, rng: random.Random) -> Row:
    """The row with the words of its prompt in another order; if need be, those of its completion, too."""

    given, learned = row.texts[: len(row.prompt)], row.texts[len(row.prompt) :]

    def shuffle(text: str) -> str:
        return " ".join(rng.sample(words := text.split(), len(words)))

    def candidates() -> Iterator[list[str]]:
        for number in range(2 * TRIES):
            yield [*map(shuffle, given), *(learned if number < TRIES else map(shuffle, learned))]
        yield ["…" for _ in row.texts]  # of so few words that no order is another

    return row.with_texts(next(texts for texts in candidates() if not index.matches(texts)))
