"""What plans an iteration of FT-Agent."""

from __future__ import annotations

from typing import Protocol

from ftdojo.agents.draft import Proposal
from ftdojo.contract.protocol import Observation


class Planner(Protocol):
    """Plans one iteration from an observation."""

    @property
    def name(self) -> str:
        """How results name it."""

    def plan(self, observation: Observation) -> Proposal | None:
        """The next iteration, or ``None`` if nothing is left that is worth its cost."""
