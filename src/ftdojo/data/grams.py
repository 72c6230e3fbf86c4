"""Hashes of n-grams of words, for many texts at a time.

Words are compared without case, without punctuation around them and in one form of Unicode (NFKC); in scripts without
spaces, every character is a word. A word's hash is kept while it is in use, so that a text costs one look-up a word and
a few operations on arrays; the memory for that is bounded.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WORDS = 4
"""Length of an n-gram, in words."""
MOST_PARTS = 16
"""A text with more parts between blanks is not short, whatever punctuation is among them."""
MOST_WORDS = 2**18
"""Hashes of words that are kept."""
Hashes = NDArray[np.uint64]
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
"""Runs of Thai and Lao, Japanese kana, Chinese characters."""
_FACTORS = [np.uint64(factor) for factor in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 1)]
"""Odd numbers, one for each place in an n-gram: the same words in another order have another hash."""


class _WordHashes(dict[str, int]):
    """Text between blanks -> hash of the word in it; 0 where there is none."""

    def __missing__(self, text: str) -> int:
        word = strip_punctuation(unicodedata.normalize("NFKC", text).casefold())
        value = int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()) or 1
        if len(self) >= MOST_WORDS:
            self.clear()
        self[text] = value if word else 0
        return self[text]


def strip_punctuation(text: str) -> str:
    """Return a text from its first letter or digit to its last. (A pattern of what stands at the end would be tried at
    every place of a long run of punctuation within.)"""
    start, end = 0, len(text)
    while start < end and not text[start].isalnum():
        start += 1
    while end > start and not text[end - 1].isalnum():
        end -= 1
    return text[start:end]


@dataclass(frozen=True, slots=True)
class Grams:
    """The words and the n-grams of texts, as hashes."""

    words: Hashes
    owner: NDArray[np.int64]
    """The number of the text that a word belongs to."""
    grams: Hashes
    """The n-grams of each text, in order, none across two texts."""
    gram_owner: NDArray[np.int64]

    def words_of(self, number: int) -> Hashes:
        """Return the words of one text."""
        start, end = np.searchsorted(self.owner, [number, number + 1])
        return self.words[start:end]

    def grams_of(self, number: int) -> Hashes:
        """Return the n-grams of one text."""
        start, end = np.searchsorted(self.gram_owner, [number, number + 1])
        return self.grams[start:end]


class Hasher:
    """Hashes texts; it keeps the hashes of words between calls."""

    def __init__(self) -> None:
        self._words = _WordHashes()

    def hash_rows(self, rows: Iterable[Sequence[str]]) -> Grams:
        """Return words and n-grams of rows. The turns of a row are one text, one after the other."""
        tokens: list[str] = []
        ends = [0]
        for turns in rows:
            for turn in turns:
                tokens += _split(turn)
            ends.append(len(tokens))
        words = np.fromiter(map(self._words.__getitem__, tokens), dtype=np.uint64, count=len(tokens))
        owner = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
        kept = words != 0
        words, owner = words[kept], owner[kept]
        return Grams(words, owner, *combine(words, owner))

    def hash_short(self, turn: str) -> int:
        """Return the hash of a whole turn with fewer words than an n-gram; 0 for any other."""
        parts = turn.split(maxsplit=MOST_PARTS)
        if len(parts) > MOST_PARTS:
            return 0
        words = [word for word in map(self._words.__getitem__, _split(turn)) if word]
        return hash_whole(words) if 0 < len(words) < WORDS else 0


def _split(text: str) -> list[str]:
    """Split a text at blanks and, where it has none, into characters."""
    return (text if text.isascii() else _UNSPACED.sub(lambda run: f" {' '.join(run[0])} ", text)).split()


def hash_whole(words: Sequence[int]) -> int:
    """Return the hash of a short text as a whole, which is not that of an n-gram."""
    return int.from_bytes(hashlib.blake2b(repr(list(words)).encode(), digest_size=8).digest())


def combine(words: Hashes, owner: NDArray[np.int64]) -> tuple[Hashes, NDArray[np.int64]]:
    """Return the hashes of all n-grams of words with the same owner, and their owners."""
    if len(words) < WORDS:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    count = len(words) - WORDS + 1
    grams = np.zeros(count, np.uint64)
    for place, factor in enumerate(_FACTORS):
        grams += words[place : place + count] * factor
        grams ^= grams >> np.uint64(29)
        grams *= np.uint64(0xBF58476D1CE4E5B9)
    inside = owner[:count] == owner[WORDS - 1 :]
    return grams[inside], owner[:count][inside]
