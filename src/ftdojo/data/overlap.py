"""Detect training rows that contain an evaluation item, unchanged or edited: an index of n-grams specific to items.

Evaluation prompts of one task share most of their words (the instruction), so an n-gram counts only if few items have
it. A row contains an item if it has a certain share of the n-grams specific to that item. MinHash (Broder 1997)
estimates this share; here it is counted exactly, because evaluation items are few and rows are checked one at a time.
The share is calibrated: if items are alike, such as questions from one template, a row must have more of an item than
other items have of it; if every item is a different text, a smaller share suffices, so that edited copies are found
too.

An item shorter than an n-gram is only found as a whole turn, because any text may contain it by chance.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Self

VERSION = 2
"""Increase it when the same texts give another index."""
WORDS = 4
"""Length of an n-gram, in words."""
SHARED = 2
"""An n-gram that more items than this have belongs to the task's instruction, not to an item."""
LEAST, MOST = 0.3, 0.75
"""Bounds of the calibrated share: about a third of a text is no coincidence, and three quarters are a copy."""
ALIKE, MARGIN = 0.99, 0.1
"""The calibrated share is ``MARGIN`` above the ``ALIKE`` quantile of the overlap between items."""
FEW = 8
"""At least this many n-grams must be found, or the share ``MOST`` of a short item's."""
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
"""Thai and Lao, Japanese kana, Chinese characters."""


class OverlapIndex:
    """An index of evaluation prompts, stored as hashes."""

    def __init__(self, items: Sequence[Sequence[str]], share: float) -> None:
        """Make an index of ``items``, the hashes specific to each evaluation item; ``share`` of them make a copy."""
        self._items, self._share = items, share
        self.digest = _hash(["", *(gram for item in items for gram in ["", *item])])
        self._holders: dict[str, list[int]] = defaultdict(list)
        for number, own in enumerate(items):
            for gram in own:
                self._holders[gram].append(number)

    @classmethod
    def from_texts(cls, texts: Iterable[str]) -> Self:
        """Build the index of these texts, one per item."""
        words = [_words(text) for text in texts]
        grams = [_grams(own) if len(own) >= WORDS else {_whole(own)} for own in words]
        frequency = Counter(gram for item in grams for gram in item)
        items = [sorted(gram for gram in item if frequency[gram] <= SHARED) for item in grams]
        alike = sorted(cls(items, 1.0)._alike())
        usual = alike[math.floor(ALIKE * (len(alike) - 1))] if alike else 0.0
        return cls(items, min(MOST, max(LEAST, usual + MARGIN)))

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Restore the index from a value of :meth:`to_json`."""
        return cls(value["items"], value["share"])

    def to_json(self) -> dict[str, Any]:
        """Return the index as a JSON value."""
        return {"items": [list(item) for item in self._items], "share": self._share}

    def overlaps(self, turns: Sequence[str]) -> bool:
        """Whether a row contains an evaluation item."""
        return bool(self.matches(turns))

    def keep(self, rows: Sequence[Sequence[str]]) -> list[int]:
        """Return the positions of the rows that do not overlap with any item."""
        return [i for i, turns in enumerate(rows) if not self.overlaps(turns)]

    def matches(self, turns: Sequence[str]) -> frozenset[int]:
        """Return the numbers of the evaluation items that a row, given as its turns, contains."""
        parts = [_words(turn) for turn in turns]
        grams = _grams([word for words in parts for word in words]) | {_whole(words) for words in parts}
        return frozenset(item for item, count in self._hits(grams).items() if count >= self._needed(item))

    def _hits(self, grams: Iterable[str]) -> Counter[int]:
        """Count for every item how many of its specific n-grams are among these."""
        return Counter(item for gram in grams for item in self._holders.get(gram, ()))

    def _needed(self, item: int) -> float:
        size = len(self._items[item])
        return min(max(self._share * size, FEW), MOST * size)

    def _alike(self) -> Iterator[float]:
        """Yield for every item the largest share of another item's specific n-grams that it has."""
        for number, own in enumerate(self._items):
            hits = self._hits(own)
            yield max((count / len(self._items[i]) for i, count in hits.items() if i != number), default=0.0)


def _words(text: str) -> list[str]:
    """Return normalized words: lower case, split at white space, without punctuation at their ends. In scripts without
    spaces, every character is a word."""
    words = (re.sub(r"^\W+|[.,:;!?'\"]+$", "", word) for word in _UNSPACED.sub(r" \g<0> ", text.lower()).split())
    return [word for word in words if word]


def _grams(words: Sequence[str]) -> set[str]:
    return {_hash(words[i : i + WORDS]) for i in range(len(words) - WORDS + 1)}


def _whole(words: Sequence[str]) -> str:
    return _hash(["", *words])  # no word is empty, so this is never the hash of an n-gram


def _hash(words: Sequence[str]) -> str:
    return hashlib.blake2b(" ".join(words).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
