"""``base``: the untouched base model."""

from __future__ import annotations

from pathlib import Path

from ftdojo.contract.protocol import Observation


class Base:
    """Hands nothing in, so that the base model is what is tested. Allowed to know: nothing, and it needs nothing."""

    name, planner = "base", ""

    def propose(self, observation: Observation) -> Path | None:
        """Nothing."""
        return None
