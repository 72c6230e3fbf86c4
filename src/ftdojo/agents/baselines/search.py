"""The common part of the searching contestants: submit the first point that is forecast to fit into the budget."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import ClassVar, Self

from ftdojo.agents import draft as drafts
from ftdojo.agents import forecast
from ftdojo.agents.baselines.space import Point, Space
from ftdojo.agents.draft import Draft, Proposal
from ftdojo.agents.setup import Abilities, AgentSetup
from ftdojo.contract.protocol import Observation
from ftdojo.contract.submission import Plan, PlannedChange

TRIALS = 4
"""A trial's forecast may be at most 1 / TRIALS of the wall clock, so that at least this many fit. A forecast of up to
:data:`WORTH` times the trial's time outside training is always allowed."""
WORTH = 2.0
DRAWS = 200
"""The most points tried until one fits; then the last one is reduced to the fewest rows and epochs."""


class Search(ABC):
    """Proposes points of the space until the budget is used up."""

    name: ClassVar[str]
    planner = ""
    abilities = Abilities()

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace

    @classmethod
    def create(cls, setup: AgentSetup) -> Self:
        """See :class:`ftdojo.agents.setup.AgentClass`."""
        return cls(setup.workspace)

    @abstractmethod
    def points(self, space: Space, observation: Observation) -> Iterator[Point]:
        """Yield candidates for the next trial, without end; they depend on the arguments only."""

    def propose(self, observation: Observation) -> Path | None:
        """Propose the first candidate that fits; ``None`` if not even the smallest one does."""
        space, forecast_s = Space.from_observation(observation), _Forecast(observation)
        left = observation.remaining.get("wall_s", observation.task.rules.wall_s)
        share = max((left + forecast_s.spent) / TRIALS, WORTH * forecast_s.fixed_s)
        for point in islice(self.points(space, observation), DRAWS):
            if forecast_s(space.draft(point)) <= min(left, share):
                break
        else:
            point = space.shrink(point)
            if forecast_s(space.draft(point)) > left:
                return None
        folder = self._workspace / f"{len(observation.history) + 1:03d}"
        Proposal(self._plan(point, observation), space.draft(point)).write(folder)
        return folder

    def _plan(self, point: Point, observation: Observation) -> Plan:
        evidence = [f"iteration {i.number}: {i.verdict}" for i in observation.history[-3:]]
        changes = [
            PlannedChange(key=key, before="any", after=str(value), because=f"drawn by {self.name}", expected="unknown")
            for key, value in point.model_dump().items()
        ]
        return Plan(
            parent=0,
            hypothesis=f"trial {len(observation.history) + 1} of {self.name}",
            evidence=evidence,
            focus="both",
            changes=changes,
            by=self.name,
        )


class _Forecast:
    """Forecasts a trial's wall-clock seconds: from the last trial's training speed, or at first the measured one."""

    def __init__(self, observation: Observation) -> None:
        self._observation = observation
        every = [i.feedback.execution.seconds for i in observation.history]
        self.spent = sum(took.total for took in every)
        """Seconds used by earlier trials."""
        self._per_row, self.fixed_s = 1 / observation.train_rows_per_s, forecast.overhead_s(observation)
        evaluated = [i for i in observation.history if i.feedback.evaluation is not None]
        if evaluated:
            took = evaluated[-1].feedback.execution.seconds
            draft = drafts.read(observation.submissions[evaluated[-1].number])
            self._per_row = took.train / forecast.estimate_work(draft, observation)
            self.fixed_s = took.data + took.evaluate

    def __call__(self, draft: Draft) -> float:
        """Forecast the seconds of a draft, with a reserve."""
        return forecast.RESERVE * (self.fixed_s + self._per_row * forecast.estimate_work(draft, self._observation))
