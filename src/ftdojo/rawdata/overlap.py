"""Does a training row contain an evaluation item? An index of n-grams that are particular to single items.

Evaluation prompts of one task share most of their words (the instruction), so an n-gram counts only if few items have
it. A row overlaps with an item when it contains at least half of the n-grams that are particular to that item.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Self

WORDS = 8
"""Length of an n-gram; the whole text, where it is shorter."""
SHARED = 2
"""An n-gram that more items than this have belongs to the task's instruction, not to an item."""
THRESHOLD = 0.5


def ngrams(text: str) -> set[str]:
    """Hashes of the n-grams of the normalized text: lower case, split at white space, punctuation at word ends cut."""
    words = [stripped for word in text.lower().split() if (stripped := re.sub(r"^\W+|[.,:;!?'\"]+$", "", word))]
    last = max(1, len(words) - WORDS + 1)
    return {_hash(words[i : i + WORDS]) for i in range(last)} if words else set()


def _hash(words: Sequence[str]) -> str:
    return hashlib.blake2b(" ".join(words).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


class OverlapIndex:
    """An index of evaluation texts, as hashes. It answers only yes or no for a whole row."""

    def __init__(self, items: Sequence[Sequence[str]]) -> None:
        """``items``: for every evaluation item the hashes of the n-grams that are particular to it."""
        self.items = items
        self._holders: dict[str, list[int]] = defaultdict(list)
        for number, own in enumerate(items):
            for gram in own:
                self._holders[gram].append(number)

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """The index of these texts, one an item."""
        grams = [ngrams(text) for text in texts]
        frequency = Counter(gram for item in grams for gram in item)
        return cls([sorted(gram for gram in item if frequency[gram] <= SHARED) for item in grams])

    def overlaps(self, text: str) -> bool:
        """Whether ``text`` contains an evaluation item."""
        hits = Counter(item for gram in ngrams(text) for item in self._holders.get(gram, ()))
        return any(count >= THRESHOLD * len(self.items[item]) for item, count in hits.items())

    def keep(self, texts: Sequence[str]) -> list[int]:
        """The positions of the texts that do not overlap with any item."""
        return [i for i, text in enumerate(texts) if not self.overlaps(text)]
