"""Contestants. They know the environment only through observation, submission and feedback."""

from __future__ import annotations

import difflib
from pathlib import Path

from ftdojo.dojo.protocol import Agent
from ftdojo.errors import UsageError

AGENTS = ("ft-agent",)
PLANNERS = ("playbook",)


def make(agent: str, planner: str, workspace: Path) -> Agent:
    """The contestant of that name; it writes its submissions below ``workspace``.

    Raises:
        UsageError: for an unknown agent or planner.
    """
    _require("agent", agent, AGENTS)
    _require("planner", planner, PLANNERS)
    from ftdojo.agents.ft_agent import FTAgent
    from ftdojo.agents.ft_agent.playbook import Playbook

    return FTAgent(Playbook(), workspace)


def _require(kind: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1)
        fix = f"did you mean '{nearest[0]}'?" if nearest else f"choose one of: {', '.join(known)}"
        raise UsageError(f"there is no {kind} '{name}'", fix=fix)


__all__ = ["AGENTS", "PLANNERS", "make"]
