"""What the searching contestants share: hand in the first point that is forecast to fit into the budget."""

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
"""No trial may be forecast to take more than this part of the wall clock, so that at least so many fit into it; but
for :data:`WORTH` times what a trial takes beside its training it may always be."""
WORTH = 2.0
DRAWS = 200
"""Points that are looked at for one that fits; then the last one is cut to the fewest rows and epochs."""


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
        """Candidates for the next trial, without end: a function of the arguments."""

    def propose(self, observation: Observation) -> Path | None:
        """The first candidate that fits; ``None`` if not even the smallest one does."""
        space, forecast_s = Space.of(observation), _Forecast(observation)
        left = observation.remaining.get("wall_s", observation.task.rules.wall_s)
        share = max((left + forecast_s.spent) / TRIALS, WORTH * forecast_s.beside)
        for point in islice(self.points(space, observation), DRAWS):
            if forecast_s(space.draft(point)) <= min(left, share):
                break
        else:
            point = space.smallest(point)
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
    """Wall-clock seconds of a trial: by the speed that the last one trained with, by the measured speed before it."""

    def __init__(self, observation: Observation) -> None:
        self._observation = observation
        every = [i.feedback.execution.seconds for i in observation.history]
        self.spent = sum(took.plan + took.data + took.train + took.evaluate for took in every)
        """Seconds that earlier trials took."""
        self._per_row, self.beside = 1 / observation.train_rows_per_s, forecast.beside(observation)
        evaluated = [i for i in observation.history if i.feedback.evaluation is not None]
        if evaluated:
            took = evaluated[-1].feedback.execution.seconds
            draft = drafts.read(observation.submissions[evaluated[-1].number])
            self._per_row = took.train / forecast.work(draft, observation)
            self.beside = took.data + took.evaluate

    def __call__(self, draft: Draft) -> float:
        """The forecast, with some reserve."""
        return forecast.RESERVE * (self.beside + self._per_row * forecast.work(draft, self._observation))
