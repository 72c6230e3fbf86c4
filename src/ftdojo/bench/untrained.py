"""The contestants that need no training: ``constant`` and ``few-shot``. They have no jobs: every run of a task measures
what they answer on its test items, and records the verdict on each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ftdojo.bench.episodes import Counts, Episode
from ftdojo.bench.suite import UNTRAINED, Contestant
from ftdojo.contract.result import Best, BudgetUsed, LlmUsage

ANSWERS = dict(zip(UNTRAINED, ("majority", "few_shot"), strict=True))
"""Contestant -> key of :attr:`ftdojo.contract.result.TrivialAnswers.scores`."""


def untrained_episodes(episodes: Sequence[Episode], taken: Sequence[str]) -> list[Episode]:
    """Return an episode of each of these contestants for every task and seed of ``episodes``.

    Args:
        episodes: the episodes of one setting.
        taken: names of other contestants. A contestant of an older suite may have one of the names; it keeps it.
    """
    found: dict[tuple[str, str, int], Episode] = {}
    for episode in episodes:
        for name in UNTRAINED:
            key = (name, episode.job.task_id, episode.job.seed)
            if name not in taken and key not in found and ANSWERS[name] in episode.trivial_items:
                found[key] = _answered(episode, name)
    return list(found.values())


def _answered(episode: Episode, name: str) -> Episode:
    """Return the episode of an untrained contestant, from a run that measured what it answers."""
    result, answer = episode.result, ANSWERS[name]
    assert result.trivial is not None
    validation = result.trivial_validation
    return replace(
        episode,
        job=replace(episode.job, contestant=Contestant(name=name)),
        result=result.model_copy(
            update={
                "agent": name,
                "planner": "",
                "outcome": "no_submission",
                "best": Best(
                    iteration=0,
                    validation=validation.scores.get(answer) if validation else None,
                    test=result.trivial.scores[answer],
                ),
                "iterations": [],
                "budget": BudgetUsed(
                    wall_s=0.0,
                    device_s=0.0,
                    submissions=0,
                    llm=LlmUsage(input_tokens=0, output_tokens=0, cost_usd=0.0),
                ),
            }
        ),
        items=episode.trivial_items[answer],
        course=[],
        counts=Counts(),
        teachers=None,
    )
