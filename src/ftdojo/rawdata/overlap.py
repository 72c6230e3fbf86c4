"""Does a training row contain an evaluation item? An index of n-grams that are particular to single items.

Evaluation prompts of one task share most of their words (the instruction), so an n-gram counts only if few items have
it. A row overlaps with an item when it contains at least half of the n-grams that are particular to that item. An item
shorter than an n-gram is looked for as a whole; one of very few words only as a whole turn, since any text may
contain it by chance.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Self

WORDS = 8
"""Length of an n-gram."""
FEW = 4
"""An item of fewer words is compared with whole turns only."""
SHARED = 2
"""An n-gram that more items than this have belongs to the task's instruction, not to an item."""
THRESHOLD = 0.5
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
"""Thai and Lao, Japanese kana, Chinese characters."""


class OverlapIndex:
    """An index of evaluation prompts, as hashes."""

    def __init__(self, items: Sequence[Sequence[str]], sizes: Sequence[int]) -> None:
        """``items``: for every evaluation item the hashes particular to it; ``sizes``: the n-gram lengths in use."""
        self._items, self._sizes = items, sizes
        self.digest = _hash(["", *(gram for item in items for gram in ["", *item])])
        self._holders: dict[str, list[int]] = defaultdict(list)
        for number, own in enumerate(items):
            for gram in own:
                self._holders[gram].append(number)

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """The index of these texts, one an item."""
        items = [_words(text) for text in texts]
        sizes = sorted({min(WORDS, len(words)) for words in items if len(words) >= FEW})
        grams = [_grams(words, min(WORDS, len(words))) if len(words) >= FEW else {_whole(words)} for words in items]
        frequency = Counter(gram for item in grams for gram in item)
        return cls([sorted(gram for gram in item if frequency[gram] <= SHARED) for item in grams], sizes)

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """The index that :meth:`to_json` described."""
        return cls(value["items"], value["sizes"])

    def to_json(self) -> dict[str, Any]:
        """A JSON value that holds the index."""
        return {"items": [list(item) for item in self._items], "sizes": list(self._sizes)}

    def overlaps(self, turns: Sequence[str]) -> bool:
        """Whether a row contains an evaluation item."""
        return bool(self.matches(turns))

    def keep(self, rows: Sequence[Sequence[str]]) -> list[int]:
        """The positions of the rows that do not overlap with any item."""
        return [i for i, turns in enumerate(rows) if not self.overlaps(turns)]

    def matches(self, turns: Sequence[str]) -> frozenset[int]:
        """The numbers of the evaluation items that a row, given as its turns, contains."""
        hits = Counter(item for gram in self._grams(turns) for item in self._holders.get(gram, ()))
        return frozenset(item for item, count in hits.items() if count >= THRESHOLD * len(self._items[item]))

    def _grams(self, turns: Sequence[str]) -> set[str]:
        parts = [_words(turn) for turn in turns]
        together = [word for words in parts for word in words]
        grams = {gram for size in self._sizes for gram in _grams(together, size)}
        return grams | {_whole(words) for words in parts}


def _words(text: str) -> list[str]:
    """Normalized words: lower case, split at white space, punctuation at their ends cut. Scripts that are written
    without spaces count by character."""
    words = (re.sub(r"^\W+|[.,:;!?'\"]+$", "", word) for word in _UNSPACED.sub(r" \g<0> ", text.lower()).split())
    return [word for word in words if word]


def _grams(words: Sequence[str], size: int) -> set[str]:
    return {_hash(words[i : i + size]) for i in range(len(words) - size + 1)}


def _whole(words: Sequence[str]) -> str:
    return _hash(["", *words])  # no word is empty, so this is never the hash of an n-gram


def _hash(words: Sequence[str]) -> str:
    return hashlib.blake2b(" ".join(words).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
