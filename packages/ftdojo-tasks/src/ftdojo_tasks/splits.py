"""The split of what generated questions are made from, so that nothing of it is in two parts of the data."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def three_parts(values: Sequence[T], held_out: float, rng: random.Random) -> tuple[list[T], list[T], list[T]]:
    """``values``, mixed: for training, for validation, for test; of the last two, each has the share ``held_out``."""
    mixed = rng.sample(values, len(values))
    size = round(held_out * len(mixed))
    return mixed[2 * size :], mixed[:size], mixed[size : 2 * size]
