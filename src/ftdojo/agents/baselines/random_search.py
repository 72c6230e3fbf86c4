"""``random-search``: independent draws from the space (Bergstra and Bengio 2012, JMLR 13)."""

from __future__ import annotations

import random
from collections.abc import Iterator

from ftdojo.agents.baselines.search import Search
from ftdojo.agents.baselines.space import Point, Space
from ftdojo.contract.protocol import Observation


class RandomSearch(Search):
    """Every trial is a new draw.

    Allowed to know: the task's specification and rules, the sizes of the raw files, the remaining time and the
    duration of earlier trials. It uses no score and no other feedback.
    """

    name = "random-search"

    def points(self, space: Space, observation: Observation) -> Iterator[Point]:
        """Yield draws that depend only on the seed and the number of the trial."""
        rng = random.Random(f"{observation.seed}/{len(observation.history)}")  # noqa: S311 - not for secrets
        while True:
            yield space.draw(rng)
