"""``base``: the untouched base model."""

from __future__ import annotations

from pathlib import Path

from ftdojo.agents.setup import Abilities, AgentSetup
from ftdojo.contract.protocol import Observation


class Base:
    """Hands nothing in, so that the base model is what is tested. Allowed to know: nothing, and it needs nothing."""

    name, planner = "base", ""
    abilities = Abilities()

    @classmethod
    def create(cls, setup: AgentSetup) -> Base:
        """See :class:`ftdojo.agents.setup.AgentClass`."""
        return cls()

    def propose(self, observation: Observation) -> Path | None:
        """Nothing."""
        return None
