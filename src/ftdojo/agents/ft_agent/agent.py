"""The agent: observe, plan, write the submission. What it knows of earlier iterations is the ledger's history."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ftdojo.agents import PLAYBOOK
from ftdojo.agents.draft import Proposal
from ftdojo.agents.ft_agent.llm_planner import LlmPlanner
from ftdojo.agents.ft_agent.planner import Planner
from ftdojo.agents.ft_agent.playbook import Playbook
from ftdojo.agents.ft_agent.probing import Probing
from ftdojo.agents.setup import Abilities, AgentSetup
from ftdojo.contract.protocol import Observation
from ftdojo.errors import LlmError

OUTLOOK = 500
"""Characters of an outlook."""


class FTAgent:
    """FT-Agent with some planner, and one that takes over for an iteration in which the first fails."""

    name = "ft-agent"
    abilities = Abilities(own_planner=PLAYBOOK, llm_planner=True, probes=True)

    def __init__(self, planner: Planner, workspace: Path, *, fallback: Planner | None = None) -> None:
        self._planner, self._fallback = planner, fallback
        self._workspace = workspace

    @classmethod
    def create(cls, setup: AgentSetup) -> FTAgent:
        """With the playbook as planner; or with a language model, for which the playbook takes over where it fails."""
        playbook = Playbook()
        planner: Planner = playbook
        if setup.transport is not None and setup.door is not None:
            planner = LlmPlanner(setup.client(), setup.door.precheck)
        fallback = None if planner is playbook else playbook
        if setup.probes and setup.door is not None:
            planner = Probing(planner, playbook.plans, setup.door.probe, candidates=setup.probes)
        return cls(planner, setup.workspace, fallback=fallback)

    @property
    def planner(self) -> str:
        """The planner's name."""
        return self._planner.name

    def propose(self, observation: Observation) -> Path | None:
        """Plan the next iteration and write its files."""
        proposal = self._plan(observation)
        if proposal is None:
            return None
        folder = self._workspace / f"{len(observation.history) + 1:03d}"
        proposal.write(folder)
        return folder

    def outlook(self, observation: Observation) -> str:
        """What it would try next: the playbook's next move if time had no limit, or what the language model's latest
        plan says."""
        if self._fallback is not None:  # a language model plans
            plans = [i.plan.outlook for i in observation.history if i.plan is not None and i.plan.outlook]
            return "; ".join(plans[-1])[:OUTLOOK] if plans else ""
        proposal = Playbook().plan(observation.model_copy(update={"remaining": {}}))
        if proposal is None:
            return ""
        changes = ", ".join(f"{c.key} {c.before} → {c.after}" for c in proposal.plan.changes)
        return f"{proposal.plan.hypothesis}: {changes}"[:OUTLOOK]

    def _plan(self, observation: Observation) -> Proposal | None:
        try:
            return self._planner.plan(observation)
        except LlmError as error:
            if self._fallback is None:
                raise
            proposal = self._fallback.plan(observation)
            if proposal is None:
                return None
            by = f"{self._fallback.name}, because {self._planner.name} failed ({error.trouble}): {error.message}"
            return replace(proposal, plan=proposal.plan.model_copy(update={"by": by[:500]}))
