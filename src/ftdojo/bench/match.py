"""One task of a contest: every contestant's mean, and every pairwise difference, over items and seeds together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from ftdojo.bench.episodes import Episode
from ftdojo.errors import UsageError
from ftdojo.stats import Crossed, crossed, crossed_pooled, resampled
from ftdojo.tasks.spec import Task

Side = Mapping[int, Episode]
"""The episodes of one contestant, by seed."""


class Match:
    """The results on one task, in the unit of its metric."""

    def __init__(self, task: Task, name: str, episodes: Sequence[Episode], contestants: Sequence[str]) -> None:
        """Compare the episodes of a task, at least one.

        Raises:
            UsageError: if they were scored on different items.
        """
        self.task, self.name = task, name
        self.sides: dict[str, Side] = {
            who: {e.job.seed: e for e in episodes if e.job.contestant.name == who} for who in contestants
        }
        self._drawn: dict[str, list[float]] = {}
        self._strata = _strata(episodes)
        played = {who: side for who, side in self.sides.items() if side}
        self.means: dict[str, Crossed] = {
            who: self._mean([side[seed] for seed in sorted(side)]) for who, side in played.items()
        }
        """Means of the contestants that have an episode."""
        self.gaps: dict[tuple[str, str], Crossed] = {}
        """Differences, first minus second, paired by item and by seed, of contestants that have a seed in common."""
        for ours, theirs in combinations(played, 2):
            if common := sorted(played[ours].keys() & played[theirs].keys()):
                self.gaps[ours, theirs] = self._gap(
                    [played[ours][seed] for seed in common], [played[theirs][seed] for seed in common]
                )

    def forget_items(self) -> None:
        """Drop the verdicts on single items, which are not needed any more."""
        self.sides = {who: {seed: e.without_items() for seed, e in side.items()} for who, side in self.sides.items()}
        self._drawn = {}

    def _mean(self, episodes: Sequence[Episode]) -> Crossed:
        if not self.task.spec.pooled:
            return crossed(_scores(episodes), self._strata).scaled(self.task.spec.best_value)
        drawn = [self._resampled(e) for e in episodes]
        return crossed_pooled([_value(e) for e in episodes], drawn, len(self._strata))

    def _gap(self, ours: Sequence[Episode], theirs: Sequence[Episode]) -> Crossed:
        if not self.task.spec.pooled:
            gaps = np.subtract(_scores(ours), _scores(theirs)).tolist()
            return crossed(gaps, self._strata, bounds=(-1.0, 1.0)).scaled(self.task.spec.best_value)
        by_seed = [_value(a) - _value(b) for a, b in zip(ours, theirs, strict=True)]
        drawn = np.subtract([self._resampled(e) for e in ours], [self._resampled(e) for e in theirs])
        return crossed_pooled(by_seed, drawn.tolist(), len(self._strata))

    def _resampled(self, episode: Episode) -> list[float]:
        """Return a pooled metric over bootstrap samples, drawn once per episode."""
        if episode.job.folder not in self._drawn:
            value, items = self.task.scorer.value, episode.items
            self._drawn[episode.job.folder] = resampled(lambda chosen: value([items[i] for i in chosen]), self._strata)
        return self._drawn[episode.job.folder]


def _strata(episodes: Sequence[Episode]) -> list[str]:
    """Return the sub-tasks of the items, which all episodes must have in the same order."""
    ids = [[item.id for item in episode.items] for episode in episodes]
    if any(row != ids[0] for row in ids):
        raise UsageError(
            f"runs of {episodes[0].job.task_id} were scored on different test items",
            fix="remove the folders of the older ones, and run the suite again",
        )
    return [item.subtask for item in episodes[0].items]


def _scores(episodes: Sequence[Episode]) -> list[list[float]]:
    return [[item.score for item in episode.items] for episode in episodes]


def _value(episode: Episode) -> float:
    assert episode.result.best.test is not None
    return episode.result.best.test.value
