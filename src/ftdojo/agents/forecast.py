"""What an iteration will take, from what one took: work is rows passed through the model."""

from __future__ import annotations

import math

from ftdojo.agents.draft import Draft
from ftdojo.contract.protocol import Iteration, Observation
from ftdojo.contract.recipe import Recipe

RESERVE = 1.15
"""A forecast is multiplied by this before it is held against the budget."""
TRIED_ROWS = 64
"""About so many rows pass through the model while the gates try a training."""


def beside(observation: Observation) -> float:
    """The wall clock of an iteration beside its training, as far as it can be told before the first one."""
    return observation.evaluate_s + TRIED_ROWS / observation.train_rows_per_s


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


def rows(draft: Draft, observation: Observation) -> int:
    """How many rows a data program can give at most."""
    most = observation.task.rules.max_rows
    if not isinstance(draft.program, Recipe):
        return most
    paths = {source.path for source in draft.program.sources}
    available = sum(f.rows for f in observation.raw_data.files if f.path in paths)
    return min(draft.program.max_rows, most, available)
