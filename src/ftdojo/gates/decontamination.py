"""Evaluation items among the training rows: nobody trains on them, and nobody finds them by submitting guesses.

A count of such rows would be an oracle: guess an item, submit it among other rows, see whether the count rises. So
nothing that a submitter is shown depends on it. Findings, counts, token statistics and forecasts are computed from the
rows as they were written; only the trainer reads what this module returns, in which the words of an item are
disordered. What remains is the training itself: its losses and its model's scores, which cost a submission. The record
has the exact number of rows, and leaderboards count such submissions.
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
"""Orders of the words to try, first of the prompt, then of prompt and completion."""


@dataclass(frozen=True, slots=True)
class Decontaminated:
    """Rows that contain no evaluation item."""

    rows: list[Row]
    found: int
    """Rows that contained one. For the record alone."""


def decontaminate(rows: Sequence[Row], index: OverlapIndex) -> Decontaminated:
    """The same rows in the same order; those that contain an evaluation item are disordered.

    A row's new order depends on the row alone: equal rows stay equal, and a row has the same order among any others.
    """
    found = {number for number, row in enumerate(rows) if index.overlaps(row.texts)}
    return Decontaminated([_disorder(row, index) if n in found else row for n, row in enumerate(rows)], len(found))


def _disorder(row: Row, index: OverlapIndex) -> Row:
    """The row with the words of its prompt in another order; if need be, those of its completion, too.

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
        yield ["…" for _ in row.texts]  # of so few words that no order is another

    return row.with_texts(next(texts for texts in candidates() if not index.overlaps(texts)))
