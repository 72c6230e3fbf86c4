"""Decontamination: evaluation items among the training rows are not trained on, and cannot be found by guessing.

A count of such rows would be an oracle: guess an item, submit it among other rows, see whether the count rises. So
nothing that a submitter sees depends on that count. Findings, counts, token statistics and forecasts are computed from
the rows as they were written; only the trainer reads the rows that this module returns, in which the words of an item
are shuffled. The only signal left is the training itself: its losses and its model's scores, which cost a submission.
The record has the exact number of rows, and leaderboards count such submissions.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ftdojo.contract.row import Row
from ftdojo.data import OverlapIndex

TRIES = 20
"""Random word orders to try: this many of the prompt alone, then as many of prompt and completion."""


@dataclass(frozen=True, slots=True)
class Decontaminated:
    """Rows that contain no evaluation item."""

    rows: list[Row]
    found: int
    """Number of rows that contained one. Only for the record, never shown to a submitter."""


def decontaminate(rows: Sequence[Row], index: OverlapIndex) -> Decontaminated:
    """Return the same rows in the same order; in those that contain an evaluation item the words are shuffled.

    A row's word order depends on that row alone: equal rows stay equal, whatever the other rows are.
    """
    found = {number for number, items in enumerate(index.find(row.texts for row in rows)) if items}
    return Decontaminated([_shuffle_words(row, index) if n in found else row for n, row in enumerate(rows)], len(found))


def _shuffle_words(row: Row, index: OverlapIndex) -> Row:
    """Return the row with the words of its prompt shuffled and, if necessary, those of its completion too.

    White space stays where it is, so the texts keep their lengths in characters.
    """
    seed = hashlib.blake2b(repr((index.digest, row.texts)).encode("utf-8", "surrogatepass")).hexdigest()
    rng = random.Random(seed)  # noqa: S311 - secret, as the digest of the items is
    given, learned = row.texts[: len(row.prompt)], row.texts[len(row.prompt) :]

    def shuffle(text: str) -> str:
        words = rng.sample(found := re.findall(r"\S+", text), len(found))
        return re.sub(r"\S+", lambda _: words.pop(), text)

    def candidates() -> Iterator[list[str]]:
        for number in range(2 * TRIES):
            yield [*map(shuffle, given), *(learned if number < TRIES else map(shuffle, learned))]
        yield ["…" for _ in row.texts]  # so few words that no order removes the item

    return row.with_texts(next(texts for texts in candidates() if not index.overlaps(texts)))
