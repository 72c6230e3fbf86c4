"""Detect training rows that contain an evaluation item, unchanged or edited: an index of n-grams specific to items.

Evaluation prompts of one task share most of their words (the instruction), so an n-gram is *specific* to an item only
if hardly any other item has it. A row contains an item in either of two cases:

- It has a certain share of the n-grams specific to the item. MinHash (Broder 1997) estimates this share; here it is
  counted exactly, because evaluation items are few. The share is calibrated: if items are alike, such as questions from
  one template, a row must have more of an item than other items have of it; if every item is a different text, a
  smaller share suffices, so that edited copies are found too.
- It covers the item: it has all of its words, in any order of its parts. A word here and there may be missing, but not
  those that distinguish the item: questions from one template differ in no more than a few words.

Some sets have several questions about one document: another question about the same document is no copy. An item that
shares a passage with other items is a *sibling*; so is one that shares a passage with raw rows which ask something
else, if this is usual in the data. For siblings the first case needs many specific n-grams. It does not hold for
siblings of raw rows, because the document, which raw rows have too, is specific to one item.

An item shorter than an n-gram is only found as a whole turn, because any text may contain it by chance.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import operator
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ftdojo.data.grams import WORDS, Grams, Hasher, Hashes, hash_whole

VERSION = 4
"""Increase it when the same texts give another index, or the same index finds other rows."""
SHARED = 2
"""An n-gram that more items than this have is specific to none."""
LEAST, MOST = 0.3, 0.75
"""Bounds of the calibrated share: about a third of a text is no coincidence, and three quarters are a copy."""
ALIKE, MARGIN = 0.99, 0.1
"""The calibrated share is ``MARGIN`` above the ``ALIKE`` quantile of the overlap between items."""
FEW = 8
"""At least this many n-grams must be found, or the share ``MOST`` of a short item's."""
TEMPLATE = 0.9
"""An n-gram that at least this share of the items have belongs to the instruction."""
DOCUMENT = 0.1
"""A passage that more than this share of the items have is the instruction of a sub-task, and no document."""
MANY = 24
"""A share of the specific n-grams makes a copy of a sibling that has at least this many."""
PASSAGE = 8
"""A run of n-grams of this length (11 words) that two texts share is a passage."""
HALF = 0.5
"""A raw row is about an item's document if their longest passage is at least this share of the item. In an item that no
word distinguishes, this share of the specific n-grams does."""
GAP = 2
"""Most words in a row of an item that a copy may lack: an edited word, and what lies between two of them."""
COVERED = 0.85
"""The share of an item's words, and of those that distinguish it, that a text has which covers it."""
USUAL = 0.2
"""Raw rows about the documents of items are usual if this share of the items has some."""
CHUNK = 2048
"""Rows that are looked up at a time."""


@dataclass(frozen=True, slots=True)
class Item:
    """One evaluation item, as hashes of n-grams."""

    text: tuple[int, ...]
    """All, in order, with 0 for those of the instruction."""
    specific: frozenset[int]
    """Those that hardly any other item has."""
    document: frozenset[int]
    """Those of no instruction, also not that of a sub-task."""
    sibling: bool = False
    by_share: bool = True
    """Whether a share of ``specific`` makes a copy."""

    def needed(self, share: float) -> float:
        """Return how many of ``specific`` make a copy, whatever else is missing; ``share``: the calibrated one."""
        size = len(self.specific)
        return min(max(share * size, FEW), MOST * size) if size and self.by_share else math.inf

    def keys(self) -> frozenset[int]:
        """Return the n-grams of which a row that contains the item has some."""
        return frozenset(self.text) - {0} if self.sibling else self.specific

    def least(self) -> int:
        """Return how many of ``specific`` a text has at least that covers the item: each has a few words."""
        return math.ceil(sum(_are_all([gram in self.specific for gram in self.text])) / WORDS)

    def covered(self, grams: set[int]) -> bool:
        """Whether a text has all of the item, but for a word here and there that does not distinguish it."""
        missing = _missing(self.text, grams)
        if not any(missing):
            return True
        if not self.specific or _longest(missing) > GAP or sum(missing) > (1 - COVERED) * len(missing):
            return False
        if self.sibling:
            return len(self.specific & grams) >= HALF * len(self.specific)
        own = _are_all([gram in self.document for gram in self.text])
        return not any(map(operator.and_, own, missing))


class OverlapIndex:
    """An index of evaluation prompts, stored as hashes."""

    def __init__(self, items: Sequence[Item], share: float) -> None:
        """Make an index of evaluation items; the ``share`` of the hashes specific to one make a copy."""
        self._items, self._share = items, share
        text = repr(self.to_json())
        self.digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        self._holders = _find_holders(item.keys() for item in items)
        self._hasher = Hasher()
        self._short = any(len(item.text) == 1 for item in items)  # only those can be short
        self._filter = _Filter(self._holders)
        self._needed = [item.needed(share) for item in items]
        self._least = [item.least() for item in items]

    @classmethod
    def from_texts(cls, texts: Iterable[str], raw: Iterable[Sequence[str]] = ()) -> Self:
        """Build the index of these texts, one per item. ``raw``: the texts of raw rows, from which documents that items
        share with them are known."""
        hasher = Hasher()
        found = hasher.hash_rows([text] for text in texts)
        count = int(found.owner[-1]) + 1 if len(found.owner) else 0
        words = [found.words_of(number).tolist() for number in range(count)]
        grams = [found.grams_of(number).tolist() or [hash_whole(words[number])] for number in range(count)]
        distinct = {tuple(own): number for number, own in enumerate(words)}.values()
        frequency = Counter(gram for number in distinct for gram in set(grams[number]))
        template, most = max(SHARED + 1, TEMPLATE * len(distinct)), max(SHARED, DOCUMENT * len(distinct))
        texts_of = [tuple(0 if frequency[gram] >= template else gram for gram in own) for own in grams]
        specific = [frozenset(gram for gram in own if frequency[gram] <= SHARED) for own in grams]
        documents = [[gram for gram in own if frequency[gram] <= most] for own in grams]
        about_raw = _about_raw_rows(texts_of, raw, hasher)
        siblings = about_raw | {
            number
            for number, own in enumerate(documents)
            if _longest(frequency[gram] > SHARED for gram in own) >= PASSAGE
        }
        alike = sorted(_find_alike(specific, siblings))
        usual = alike[math.floor(ALIKE * (len(alike) - 1))] if alike else 0.0
        items = [
            Item(
                text,
                specific[number],
                frozenset(documents[number]),
                sibling=number in siblings,
                by_share=number not in siblings or (number not in about_raw and len(specific[number]) >= MANY),
            )
            for number, text in enumerate(texts_of)
        ]
        return cls(items, min(MOST, max(LEAST, usual + MARGIN)))

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Restore the index from a value of :meth:`to_json`."""
        items = [
            Item(
                tuple(item["text"]),
                frozenset(item["specific"]),
                frozenset(item["document"]),
                sibling=item["sibling"],
                by_share=item["by_share"],
            )
            for item in value["items"]
        ]
        return cls(items, value["share"])

    def to_json(self) -> dict[str, Any]:
        """Return the index as a JSON value."""
        items = [
            {
                "text": list(item.text),
                "specific": sorted(item.specific),
                "document": sorted(item.document),
                "sibling": item.sibling,
                "by_share": item.by_share,
            }
            for item in self._items
        ]
        return {"items": items, "share": self._share}

    def overlaps(self, turns: Sequence[str]) -> bool:
        """Whether a row contains an evaluation item."""
        return bool(self.matches(turns))

    def keep(self, rows: Iterable[Sequence[str]]) -> list[int]:
        """Return the positions of the rows that do not overlap with any item."""
        return [number for number, items in enumerate(self.find(rows)) if not items]

    def matches(self, turns: Sequence[str]) -> frozenset[int]:
        """Return the numbers of the evaluation items that a row, given as its turns, contains."""
        return next(self.find([turns]))

    def find(self, rows: Iterable[Sequence[str]]) -> Iterator[frozenset[int]]:
        """Yield for every row, given as its turns, the numbers of the evaluation items that it contains."""
        for chunk in _batches(rows):
            hashed = self._hasher.hash_rows(chunk)
            hits = self._filter.find(hashed)
            for number, turns in enumerate(chunk):
                keys = hits.get(number, set())
                if self._short:
                    keys |= set(map(self._hasher.hash_short, turns))
                yield self._contained(keys, hashed, number) if keys else frozenset()

    def _contained(self, keys: set[int], hashed: Grams, number: int) -> frozenset[int]:
        """Return the items that the text of this number contains; ``keys``: those that it has of the items'."""
        copied, likely = set[int](), set[int]()
        for item in {item for key in keys for item in self._holders.get(key, ())}:
            count = len(self._items[item].specific & keys)
            if count >= self._needed[item]:
                copied.add(item)
            elif count >= self._least[item]:
                likely.add(item)
        if likely:
            grams = keys | set(hashed.grams_of(number).tolist())
            copied |= {item for item in likely if self._items[item].covered(grams)}
        return frozenset(copied)


class _Filter:
    """Finds the few n-grams of many texts that an index knows."""

    def __init__(self, known: Iterable[int]) -> None:
        self._known: Hashes = np.array(sorted(known), dtype=np.uint64)
        bits = min(24, max(10, (16 * len(self._known)).bit_length()))
        self._shift = np.uint64(64 - bits)
        self._table: NDArray[np.bool_] = np.zeros(2**bits, dtype=np.bool_)
        self._table[self._known >> self._shift] = True

    def find(self, hashed: Grams) -> dict[int, set[int]]:
        """Return for every text that has some, its known n-grams."""
        likely = self._table[hashed.grams >> self._shift].nonzero()[0]
        grams = hashed.grams[likely]
        places = np.searchsorted(self._known, grams)
        known = (
            self._known[np.minimum(places, max(0, len(self._known) - 1))] == grams if len(self._known) else places > 0
        )
        found: dict[int, set[int]] = defaultdict(set)
        owners = hashed.gram_owner[likely[known]].tolist()
        for owner, gram in zip(owners, grams[known].tolist(), strict=True):
            found[owner].add(gram)
        return found


def _batches(rows: Iterable[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    stream = iter(rows)
    while chunk := list(itertools.islice(stream, CHUNK)):
        yield chunk


def _find_holders(items: Iterable[Iterable[int]]) -> dict[int, list[int]]:
    """Return for every n-gram the numbers of the items that have it. A 0 is none."""
    holders: dict[int, list[int]] = defaultdict(list)
    for number, grams in enumerate(items):
        for gram in set(grams) - {0}:
            holders[gram].append(number)
    return holders


def _find_alike(specific: Sequence[Set[int]], siblings: Set[int]) -> Iterator[float]:
    """Yield for every item that is no sibling the largest share of another one's specific n-grams that it has."""
    holders = _find_holders(specific)
    for number, own in enumerate(specific):
        if number not in siblings:
            hits = Counter(other for gram in own for other in holders[gram] if other != number)
            yield max((count / len(specific[other]) for other, count in hits.items()), default=0.0)


def _about_raw_rows(items: Sequence[Sequence[int]], raw: Iterable[Sequence[str]], hasher: Hasher) -> set[int]:
    """Return the items that share a passage with a raw row that asks something else, if this is usual."""
    holders = _find_holders(items)
    known, found = _Filter(holders), set[int]()
    for chunk in _batches(raw):
        for grams in known.find(hasher.hash_rows(chunk)).values():
            if len(grams) >= PASSAGE:
                near = Counter(item for gram in grams for item in holders[gram] if item not in found)
                found |= {n for n, count in near.items() if count >= PASSAGE and _asks_otherwise(items[n], grams)}
    return found if len(found) >= USUAL * len(items) else set()


def _asks_otherwise(own: Sequence[int], grams: set[int]) -> bool:
    """Whether a text has a long passage of an item, and lacks another part of it."""
    passage = _longest([gram in grams for gram in own if gram])
    return passage >= max(PASSAGE, HALF * sum(gram != 0 for gram in own)) and _longest(_missing(own, grams)) > GAP


def _missing(own: Sequence[int], grams: set[int]) -> list[bool]:
    """For every word of an item, whether none of its n-grams is in a text. Those of the instruction always are."""
    return _are_all([gram != 0 and gram not in grams for gram in own])


def _are_all(flags: Sequence[bool]) -> list[bool]:
    """For every word of a text, whether the flag of every n-gram that has it is set; ``flags``: one an n-gram."""
    return [all(flags[max(0, word - WORDS + 1) : word + 1]) for word in range(len(flags) + WORDS - 1)]


def _longest(flags: Iterable[bool]) -> int:
    """Return the length of the longest run of true values."""
    return max((len(list(run)) for value, run in itertools.groupby(flags) if value), default=0)
