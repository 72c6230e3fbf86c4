"""Contestants. They know the environment only through observation, submission, feedback, and the gates."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from ftdojo.contract.protocol import Agent, Door
from ftdojo.errors import UsageError
from ftdojo.llm import Transport

if TYPE_CHECKING:
    from ftdojo.agents.ft_agent.agent import Planner
    from ftdojo.llm import Client

FT_AGENT, GREEDY_TREE = "ft-agent", "greedy-tree"
AGENTS = ("base", "single-shot", "random-search", "tpe", GREEDY_TREE, FT_AGENT)
PLAYBOOK = "playbook"


def check(agent: str, planner: str, *, probes: int = 0, ladder: bool = False) -> str:
    """Whether there are such an agent and such a planner; no network is used.

    Args:
        probes: how many candidate plans it is to try on a share of their rows.
        ladder: whether it is told of validation only when it was shown to have improved.

    Returns:
        The planner that results name: empty for an agent that has none.

    Raises:
        UsageError: if not.
    """
    _require("agent", agent, AGENTS)
    if ladder and probes:
        raise UsageError("probes tell scores on validation, which the ladder does not", fix="leave one of them out")
    if ":" not in planner:
        _require("planner", planner, (PLAYBOOK,), "choose playbook, or PROVIDER:MODEL, e.g. openai:gpt-5.2")
    if agent == FT_AGENT:
        from ftdojo.agents.ft_agent.probing import named

        return named(planner, probes)
    if probes:
        raise UsageError(f"the agent '{agent}' probes nothing", fix=f"leave --probes out, or choose {FT_AGENT}")
    if agent == GREEDY_TREE:
        if planner == PLAYBOOK:
            raise UsageError(f"the agent '{agent}' asks a language model", fix="name one: --planner PROVIDER:MODEL")
        return planner
    if planner != PLAYBOOK:
        raise UsageError(f"the agent '{agent}' has no planner", fix=f"leave --planner out, or choose {FT_AGENT}")
    return ""


def make(
    agent: str, workspace: Path, *, door: Door | None = None, transport: Transport | None = None, probes: int = 0
) -> Agent:
    """The contestant of that name; it writes its submissions below ``workspace``.

    Args:
        door: what a planning model, or probes, need of the environment.
        transport: the way to the planning model; without one, the playbook plans.
        probes: how many candidate plans compete on a share of their rows before one gets a full run; 0 for none.

    Raises:
        UsageError: for an unknown agent.
    """
    _require("agent", agent, AGENTS)
    if agent == GREEDY_TREE:
        from ftdojo.agents.baselines.greedy_tree import GreedyTree

        if transport is None or door is None:
            raise UsageError(f"the agent '{agent}' asks a language model", fix="name one: --planner PROVIDER:MODEL")
        return GreedyTree(_client(transport, door), workspace)
    if agent != FT_AGENT:
        return _baseline(agent, workspace)
    from ftdojo.agents.ft_agent import FTAgent
    from ftdojo.agents.ft_agent.playbook import Playbook
    from ftdojo.agents.ft_agent.probing import Probing

    playbook = Playbook()
    planner: Planner = playbook if transport is None or door is None else _asking(transport, door)
    fallback = None if planner is playbook else playbook
    if probes and door is not None:
        planner = Probing(planner, playbook.plans, door.probe, candidates=probes)
    return FTAgent(planner, workspace, fallback=fallback)


def _asking(transport: Transport, door: Door) -> Planner:
    """The planner that asks a language model."""
    from ftdojo.agents.ft_agent.llm_planner import LlmPlanner

    return LlmPlanner(_client(transport, door), door.precheck)


def _client(transport: Transport, door: Door) -> Client:
    """The model; what it had answered before an interruption is not asked again."""
    from ftdojo.llm import Client, Replay

    if isinstance(transport, Replay):
        transport.skip(len(door.recorded_calls))
    resumed = Replay(door.unfinished_calls, transport.model, beyond=transport)
    return Client(resumed, door.calls, known=door.recorded_calls)


def _baseline(agent: str, workspace: Path) -> Agent:
    from ftdojo.agents import baselines

    if agent == baselines.Base.name:
        return baselines.Base()
    kinds = (baselines.SingleShot, baselines.RandomSearch, baselines.Tpe)
    return next(kind(workspace) for kind in kinds if kind.name == agent)


def _require(kind: str, name: str, known: tuple[str, ...], otherwise: str = "") -> None:
    if name not in known:
        nearest = difflib.get_close_matches(name, known, n=1)
        fix = f"did you mean '{nearest[0]}'?" if nearest else otherwise or f"choose one of: {', '.join(known)}"
        raise UsageError(f"there is no {kind} '{name}'", fix=fix)


__all__ = ["AGENTS", "FT_AGENT", "GREEDY_TREE", "PLAYBOOK", "check", "make"]
