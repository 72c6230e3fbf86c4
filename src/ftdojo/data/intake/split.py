"""Split rows into training and evaluation: every class on both sides, and what belongs together on one."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter, defaultdict
from collections.abc import Sequence

from ftdojo.data.grams import Hasher

PASSAGE = 8
"""Prompts that share so many n-grams, which few others have, belong together: near-duplicates, or one document."""
SMALL = 0.6
"""The same for short prompts: this share of their n-grams."""
FEW, COMMON = 3, 50
"""An n-gram that more prompts have is no sign that two belong together: 3 of few prompts, 50 of many."""


def group(prompts: Sequence[str], *, near: bool = True) -> list[int]:
    """Return the number of the group of every prompt: the same words, or if ``near``, near-duplicates and prompts about
    one document."""
    parents = list(range(len(prompts)))

    def root(number: int) -> int:
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    hashed = Hasher().hash_rows([prompt] for prompt in prompts)
    words: dict[bytes, int] = {}
    holders: dict[int, list[int]] = defaultdict(list)
    sizes = [0] * len(prompts)
    for number in range(len(prompts)):
        same = words.setdefault(hashed.words_of(number).tobytes(), number)
        parents[root(number)] = root(same)
        if near and same == number:
            grams = set(hashed.grams_of(number).tolist())
            sizes[number] = len(grams)
            for gram in grams:
                holders[gram].append(number)
    most = max(FEW, min(COMMON, len(prompts) // 10), len(prompts) // 20)
    # Of each n-gram only neighbours are paired: those that share many n-grams are neighbours in many.
    pairs = Counter(pair for held in holders.values() if len(held) <= most for pair in itertools.pairwise(held))
    for (one, other), shared in pairs.items():
        if shared >= min(PASSAGE, max(1, math.ceil(SMALL * min(sizes[one], sizes[other])))):
            parents[root(one)] = root(other)
    return [root(number) for number in range(len(prompts))]


def split(groups: Sequence[int], classes: Sequence[str], share: float, most: int, seed: int = 0) -> list[bool]:
    """Return for every row whether it is for evaluation.

    Args:
        groups: rows of a group stay together.
        classes: every class gets its ``share`` of the evaluation rows, as far as the groups allow.
        share: of the rows, 0 to 1.
        most: evaluation rows.
        seed: of the order in which groups are taken.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for number, name in enumerate(groups):
        members[name].append(number)
    share = min(share, most / len(groups))
    wanted = {name: max(1, round(share * count)) for name, count in Counter(classes).items()}
    order = sorted(members)
    random.Random(seed).shuffle(order)  # noqa: S311 - a split, not a secret
    chosen = [False] * len(groups)
    for name in order:
        counts = Counter(classes[row] for row in members[name])
        if all(wanted[key] >= count for key, count in counts.items()):
            wanted.update({key: wanted[key] - count for key, count in counts.items()})
            for row in members[name]:
                chosen[row] = True
    return chosen
