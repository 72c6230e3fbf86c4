"""A draw with the same number of every group, such as a sub-task. It is the same in every run."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Hashable, Sequence


def rank_positions(groups: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Return a rank and a position for each element of ``groups``, in a fixed random order.

    The rank is the number of earlier positions of the same group. So the lowest ranks hold one of each group before a
    second one of any group.
    """
    order = list(range(len(groups)))
    random.Random(0).shuffle(order)  # noqa: S311 - a draw, no secret
    seen = Counter[Hashable]()
    ranked = []
    for position in order:
        ranked.append((seen[groups[position]], position))
        seen[groups[position]] += 1
    return ranked
