"""Detect training rows that contain an evaluation item, unchanged or edited: an index of n-grams specific to items.

Evaluation prompts of one task share most of their words (the instruction), so an n-gram counts only if few items have
it. A row contains an item if it has a certain share of the n-grams specific to that item. MinHash (Broder 1997)
estimates this share; here it is counted exactly, because evaluation items are few. The share is calibrated: if items
are alike, such as questions from one template, a row must have more of an item than other items have of it; if every
item is a different text, a smaller share suffices, so that edited copies are found too.

Items about a document that others share, as in sets with several questions a document, are another matter: another
question about the same document is no copy. Such an item (*sibling*) is contained in a row that covers all of it, in
any order of its parts, but for a word here and there that does not distinguish it. Items that share a passage with each
other are siblings; and so are those that share one with raw rows which ask something else, if this is usual in the
data.

An item shorter than an n-gram is only found as a whole turn, because any text may contain it by chance.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ftdojo.data.grams import WORDS, Grams, Hasher, Hashes, hash_whole

VERSION = 3
"""Increase it when the same texts give another index, or the same index finds other rows."""
SHARED = 2
"""An n-gram that more items than this have belongs to the task's instruction, not to an item."""
LEAST, MOST = 0.3, 0.75
"""Bounds of the calibrated share: about a third of a text is no coincidence, and three quarters are a copy."""
ALIKE, MARGIN = 0.99, 0.1
"""The calibrated share is ``MARGIN`` above the ``ALIKE`` quantile of the overlap between items."""
FEW = 8
"""At least this many n-grams must be found, or the share ``MOST`` of a short item's."""
TEMPLATE = 0.9
"""An n-gram that at least this share of the items have belongs to the instruction of a sibling."""
DOCUMENT = 0.1
"""A passage that more than this share of the items have is the instruction of a sub-task, and no document."""
MANY = 24
"""A sibling with so many n-grams that no other item has is known by those alone."""
PASSAGE = 8
"""A run of n-grams of this length (11 words) that two texts share is a passage."""
HALF = 0.5
"""A raw row is about an item's document if their longest passage is at least this share of the item."""
GAP = 2
"""Most words in a row of a sibling that a copy may lack: an edited word, and what lies between two of them."""
COVERED = 0.85
"""The share of a sibling's words that a copy has."""
USUAL = 0.2
"""Raw rows about the documents of items are usual if this share of the items has some."""
CHUNK = 2048
"""Rows that are looked up at a time."""


@dataclass(frozen=True, slots=True)
class Item:
    """One evaluation item, as hashes."""

    grams: tuple[int, ...]
    """Those specific to it. Of a sibling all, in order and with 0 for those of the instruction."""
    sibling: bool = False
    own: frozenset[int] = frozenset()
    """Of a sibling, those of its document: the words around them may be the same in every document."""
    alone: frozenset[int] = frozenset()
    """Of a sibling, those that hardly any other item has: questions from one template differ in these."""
    enough: bool = False
    """Whether a share of ``alone`` makes a copy."""


class OverlapIndex:
    """An index of evaluation prompts, stored as hashes."""

    def __init__(self, items: Sequence[Item], share: float) -> None:
        """Make an index of evaluation items; the ``share`` of the hashes specific to one make a copy."""
        self._items, self._share = items, share
        text = repr([(item.sibling, item.grams) for item in items])
        self.digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        self._holders: dict[int, list[int]] = defaultdict(list)
        for number, item in enumerate(items):
            for gram in set(item.grams) - {0}:
                self._holders[gram].append(number)
        self._hasher = Hasher()
        self._short = any(len(item.grams) == 1 for item in items)  # only those can be short
        self._filter = _Filter(self._holders)
        self._least = max(1, math.floor(min(map(self._needed, items), default=1)))

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
        template, most = max(SHARED + 1, TEMPLATE * len(distinct)), DOCUMENT * len(distinct)
        ordered = [tuple(0 if frequency[gram] >= template else gram for gram in own) for own in grams]
        shared = [[frequency[gram] > SHARED for gram in own if frequency[gram] <= max(SHARED, most)] for own in grams]
        siblings = {number for number, flags in enumerate(shared) if _longest(flags) >= PASSAGE}
        about_raw = _about_raw_rows(ordered, raw, hasher)
        siblings |= about_raw
        alone = [frozenset(gram for gram in own if frequency[gram] <= SHARED) for own in grams]
        items = [
            Item(
                ordered[n],
                sibling=True,
                own=frozenset(gram for gram in own if frequency[gram] <= max(SHARED, most)),
                alone=alone[n],
                enough=n not in about_raw and len(alone[n]) >= MANY,
            )
            if n in siblings
            else Item(tuple(sorted({gram for gram in own if frequency[gram] <= SHARED})))
            for n, own in enumerate(grams)
        ]
        alike = sorted(cls(items, 1.0)._alike())
        usual = alike[math.floor(ALIKE * (len(alike) - 1))] if alike else 0.0
        return cls(items, min(MOST, max(LEAST, usual + MARGIN)))

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Restore the index from a value of :meth:`to_json`."""
        items = [
            Item(
                tuple(item["grams"]), item["sibling"], frozenset(item["own"]), frozenset(item["alone"]), item["enough"]
            )
            for item in value["items"]
        ]
        return cls(items, value["share"])

    def to_json(self) -> dict[str, Any]:
        """Return the index as a JSON value."""
        items = [
            {
                "grams": list(i.grams),
                "sibling": i.sibling,
                "own": sorted(i.own),
                "alone": sorted(i.alone),
                "enough": i.enough,
            }
            for i in self._items
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
                grams = hits.get(number, set())
                if self._short:
                    grams |= set(map(self._hasher.hash_short, turns))
                yield self._contained(grams) if len(grams) >= self._least else frozenset()

    def _contained(self, grams: set[int]) -> frozenset[int]:
        counts = Counter(item for gram in grams for item in self._holders.get(gram, ()))
        return frozenset(n for n, count in counts.items() if self._is_copy(self._items[n], count, grams))

    def _is_copy(self, item: Item, count: int, grams: set[int]) -> bool:
        if item.sibling:
            alone = len(item.alone & grams)
            if item.enough and alone >= max(self._share * len(item.alone), FEW):
                return True
            missing = _missing(item.grams, grams)
            if len(item.own & grams) < HALF * len(item.own) or not _few(missing):
                return False
            # Another question from the same template lacks a word or two, and these are what is its own.
            return not any(missing) or alone >= HALF * len(item.alone)
        return count >= self._needed(item)

    def _needed(self, item: Item) -> float:
        """Return how many n-grams of an item a copy has at least."""
        size = len(item.grams)
        return 1 if item.sibling else min(max(self._share * size, FEW), MOST * size)

    def _alike(self) -> Iterator[float]:
        """Yield for every item that is no sibling the largest share of another one's n-grams that it has."""
        for number, own in enumerate(self._items):
            if not own.sibling:
                hits = Counter(item for gram in own.grams for item in self._holders.get(gram, ()))
                shares = (count / len(self._items[i].grams) for i, count in hits.items() if i != number)
                yield max(shares, default=0.0)


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


def _about_raw_rows(ordered: Sequence[Sequence[int]], raw: Iterable[Sequence[str]], hasher: Hasher) -> set[int]:
    """Return the items that share a passage with a raw row that asks something else, if this is usual."""
    holders: dict[int, list[int]] = defaultdict(list)
    for number, own in enumerate(ordered):
        for gram in set(own) - {0}:
            holders[gram].append(number)
    known, found = _Filter(holders), set[int]()
    for chunk in _batches(raw):
        for grams in known.find(hasher.hash_rows(chunk)).values():
            if len(grams) >= PASSAGE:
                near = Counter(item for gram in grams for item in holders[gram] if item not in found)
                found |= {n for n, count in near.items() if count >= PASSAGE and _asks_otherwise(ordered[n], grams)}
    return found if len(found) >= USUAL * len(ordered) else set()


def _asks_otherwise(own: Sequence[int], grams: set[int]) -> bool:
    """Whether a text has a long passage of an item, and lacks another part of it."""
    passage = _longest([gram in grams for gram in own if gram])
    return passage >= max(PASSAGE, HALF * sum(gram != 0 for gram in own)) and _longest(_missing(own, grams)) > GAP


def _few(missing: Sequence[bool]) -> bool:
    """Whether a text lacks no more of a sibling than a word here and there."""
    return _longest(missing) <= GAP and sum(missing) <= (1 - COVERED) * len(missing)


def _missing(own: Sequence[int], grams: set[int]) -> list[bool]:
    """For every word of an item, whether none of its n-grams is in a text. Those of the instruction always are."""
    found = [gram == 0 or gram in grams for gram in own]
    return [not any(found[max(0, word - WORDS + 1) : word + 1]) for word in range(len(own) + WORDS - 1)]


def _longest(flags: Iterable[bool]) -> int:
    """Return the length of the longest run of true values."""
    return max((len(list(run)) for value, run in itertools.groupby(flags) if value), default=0)
