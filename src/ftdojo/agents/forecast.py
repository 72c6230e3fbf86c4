"""What an iteration will take, from what one took: work is rows passed through the model."""

from __future__ import annotations

import math

from ftdojo.agents.draft import Draft
from ftdojo.contract.protocol import Iteration, Observation
from ftdojo.contract.recipe import Recipe

RESERVE = 1.15
"""A forecast is multiplied by this before it is held against the budget."""
ANSWERED = 1.25
"""Rows to learn from hold an answer, too: they take about so many times as long as the questions alone, whose speed is
what is known before the first training."""
TRIED_ROWS = 64
"""About so many rows pass through the model while the gates try a training."""


def beside(observation: Observation) -> float:
    """The wall clock of an iteration beside its training, as far as it can be told before the first one."""
    return observation.evaluate_s + TRIED_ROWS / observation.train_rows_per_s


def row_passes(observation: Observation, share: float = 1.0) -> float:
    """How many rows a first training can pass through the model in this share of the wall clock that is left, checks
    and evaluation included; 0 if there is no time even for these."""
    left = observation.remaining.get("wall_s", observation.task.rules.wall_s)
    train_s = share * left / RESERVE - beside(observation)
    return max(0.0, train_s * observation.train_rows_per_s / ANSWERED)


def seconds(draft: Draft, like: Draft, of: Iteration, observation: Observation) -> float | None:
    """The wall clock of an iteration with ``draft``, given that ``like`` took what it took in iteration ``of``;
    ``None`` if that was not evaluated, or if the rows of a script cannot be told before it ran."""
    if of.feedback.evaluation is None or isinstance(draft.program, str) != isinstance(like.program, str):
        return None
    return longer(of, work(draft, observation) / work(like, observation))


def longer(of: Iteration, factor: float) -> float:
    """The wall clock of an iteration that trains ``factor`` times as long as ``of`` did."""
    took = of.feedback.execution.seconds
    return RESERVE * (took.data + took.train * factor + took.evaluate)


def room(of: Iteration, seconds: float) -> float:
    """How many times as long as ``of`` did an iteration can train that has so many seconds: less than 0 if it has not
    even time for the rest, without end if ``of`` trained nothing."""
    took = of.feedback.execution.seconds
    return (seconds / RESERVE - took.data - took.evaluate) / took.train if took.train else math.inf


def work(draft: Draft, observation: Observation) -> float:
    """Training work in rows passed through the model; only ratios of it are used."""
    return rows(draft, observation) * draft.train.epochs


def documented_rows(observation: Observation) -> int:
    """How many rows the task's documented raw files give at most."""
    return _available({source.path for source in observation.task.raw_sources}, observation)


def rows(draft: Draft, observation: Observation) -> int:
    """How many rows a data program can give at most."""
    most = observation.task.rules.max_rows
    if not isinstance(draft.program, Recipe):
        return most
    return min(draft.program.max_rows, _available({source.path for source in draft.program.sources}, observation))


def _available(paths: set[str], observation: Observation) -> int:
    return min(
        observation.task.rules.max_rows, sum(file.rows for file in observation.raw_data.files if file.path in paths)
    )
