"""``base``: the untouched base model."""

from __future__ import annotations

from pathlib import Path

from ftdojo.agents.setup import Abilities, AgentSetup
from ftdojo.contract.protocol import Observation


class Base:
    """Submits nothing, so the base model is tested. Allowed to know: nothing."""

    name, planner = "base", ""
    abilities = Abilities()

    @classmethod
    def create(cls, setup: AgentSetup) -> Base:
        """See :class:`ftdojo.agents.setup.AgentClass`."""
        return cls()

    def propose(self, observation: Observation) -> Path | None:
        """Propose nothing: always ``None``."""
        return None
