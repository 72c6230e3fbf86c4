"""The agent: observe, plan, write the submission. What it knows of earlier iterations is the ledger's history."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ftdojo.agents.ft_agent.draft import Proposal
from ftdojo.dojo.protocol import Observation


class Planner(Protocol):
    """Plans one iteration from an observation."""

    @property
    def name(self) -> str:
        """How results name it."""

    def plan(self, observation: Observation) -> Proposal | None:
        """The next iteration, or ``None`` if nothing is left that is worth its cost."""


class FTAgent:
    """FT-Agent with some planner."""

    name = "ft-agent"

    def __init__(self, planner: Planner, workspace: Path) -> None:
        self._planner = planner
        self._workspace = workspace

    @property
    def planner(self) -> str:
        """The planner's name."""
        return self._planner.name

    def propose(self, observation: Observation) -> Path | None:
        """Plan the next iteration and write its files."""
        proposal = self._planner.plan(observation)
        if proposal is None:
            return None
        folder = self._workspace / f"{len(observation.history) + 1:03d}"
        proposal.write(folder)
        return folder
