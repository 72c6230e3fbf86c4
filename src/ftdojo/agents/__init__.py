"""Contestants. They access the environment only through observation, submission, feedback, and the gates."""

from __future__ import annotations

import difflib
from pathlib import Path

from ftdojo.agents.setup import AGENTS, Abilities, AgentClass, AgentSetup, planner_name
from ftdojo.contract.protocol import Agent, Door
from ftdojo.errors import UsageError
from ftdojo.llm import Transport

PLAYBOOK = "playbook"
"""The planner without a language model; for an agent that has no planner, the same as none."""


def check(agent: str, planner: str | None = None, *, probes: int = 0, ladder: bool = False) -> str:
    """Check that the agent exists and supports these options; no network is used.

    Args:
        agent: a built-in name, the name of an installed plug-in, or ``module:Class``.
        planner: ``PROVIDER:MODEL`` for a language model; ``playbook`` or nothing for the agent's own planning.
        probes: the number of candidate plans that it tries on a share of their rows.
        ladder: whether it sees validation scores of accepted submissions only.

    Returns:
        The planner's name in results; empty for an agent that has none.

    Raises:
        UsageError: if the agent is unknown or does not support an option.
    """
    abilities: Abilities = getattr(AGENTS.load(agent), "abilities", Abilities())
    if ladder and probes:
        raise UsageError("probes reveal validation scores, which the ladder hides", fix="leave one of them out")
    own = planner is None or planner in (PLAYBOOK, abilities.own_planner)
    if planner is not None and not own and ":" not in planner:
        nearest = difflib.get_close_matches(planner, [PLAYBOOK, abilities.own_planner], n=1)
        fix = f"did you mean '{nearest[0]}'?" if nearest else "choose playbook, or PROVIDER:MODEL, e.g. openai:gpt-5.2"
        raise UsageError(f"there is no planner '{planner}'", fix=fix)
    if probes and not abilities.probes:
        raise UsageError(f"the agent '{agent}' does not support probes", fix="leave --probes out, or choose ft-agent")
    if own and not abilities.own_planner and abilities.llm_planner:
        raise UsageError(f"the agent '{agent}' asks a language model", fix="name one: --planner PROVIDER:MODEL")
    if not own and not abilities.llm_planner:
        raise UsageError(f"the agent '{agent}' has no planner", fix="leave --planner out, or choose ft-agent")
    return planner_name(abilities.own_planner if own or planner is None else planner, probes)


def make(
    agent: str, workspace: Path, *, door: Door | None = None, transport: Transport | None = None, probes: int = 0
) -> Agent:
    """Create the contestant of that name; it writes its submissions below ``workspace``. See :class:`AgentSetup`.

    Raises:
        UsageError: for an unknown agent, or one that is not an :class:`~ftdojo.contract.protocol.Agent`.
    """
    setup = AgentSetup(workspace=workspace, door=door, transport=transport, probes=probes)
    made = AGENTS.load(agent).create(setup)
    AGENTS.check(made, agent, ("name", "planner", "propose"))
    return made


__all__ = ["AGENTS", "PLAYBOOK", "Abilities", "AgentClass", "AgentSetup", "check", "make"]
