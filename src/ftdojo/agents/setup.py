"""How a contestant is found by its name and made: the protocol of the plug-in kind ``agent``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from ftdojo.contract.protocol import Agent, Door
from ftdojo.errors import UsageError
from ftdojo.llm import Transport
from ftdojo.plugins import Kind

if TYPE_CHECKING:
    from ftdojo.llm import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """Which options of a run an agent understands. Another option is refused before the run begins."""

    own_planner: str = ""
    """How results name its planning without a language model, e.g. ``playbook``; empty if it does not name any."""
    llm_planner: bool = False
    """Whether a language model can plan for it: ``--planner PROVIDER:MODEL``. Without a planner of its own, it needs
    one."""
    probes: bool = False
    """Whether it tries candidate plans on a share of their rows: ``--probes``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSetup:
    """What an agent is made from."""

    workspace: Path
    """The folder that it may write: one folder below it for each submission. It may not exist yet."""
    door: Door | None = None
    """The environment's services: the gates, probes, and the record of calls. ``None`` outside a run."""
    transport: Transport | None = None
    """The way to the model of ``--planner PROVIDER:MODEL``; ``None`` without one."""
    probes: int = 0
    """How many candidate plans compete on a share of their rows before one gets a full run; 0 for none."""

    def client(self) -> Client:
        """The planning model. Its calls are recorded and charged to the run's budget. What it answered before an
        interruption is read from the record and not asked again.

        Raises:
            UsageError: if the run has no planning model.
        """
        from ftdojo.llm import Client, Replay

        if self.transport is None or self.door is None:
            raise UsageError("the agent asks a language model", fix="name one: --planner PROVIDER:MODEL")
        if isinstance(self.transport, Replay):
            self.transport.skip(len(self.door.recorded_calls))
        resumed = Replay(self.door.unfinished_calls, self.transport.model, beyond=self.transport)
        return Client(resumed, self.door.calls, known=self.door.recorded_calls)


class AgentClass(Protocol):
    """What the name of an agent stands for: in most cases the class of the agent.

    An agent that asks a language model should do so through :meth:`AgentSetup.client`: only then are its calls
    recorded, charged, and not repeated when the run is resumed.
    """

    abilities: ClassVar[Abilities]
    """May be missing: the agent then understands no option."""

    @classmethod
    def create(cls, setup: AgentSetup) -> Agent:
        """The agent. It is called once in a process: also when an interrupted run is resumed."""


AGENTS: Kind[AgentClass] = Kind(
    noun="agent",
    group="ftdojo.agents",
    members=("create",),
    built_in={
        "base": "ftdojo.agents.baselines.base:Base",
        "single-shot": "ftdojo.agents.baselines.single_shot:SingleShot",
        "random-search": "ftdojo.agents.baselines.random_search:RandomSearch",
        "tpe": "ftdojo.agents.baselines.tpe:Tpe",
        "greedy-tree": "ftdojo.agents.baselines.greedy_tree:GreedyTree",
        "ft-agent": "ftdojo.agents.ft_agent.agent:FTAgent",
    },
)


def planner_name(planner: str, probes: int) -> str:
    """How results name a planner whose plans are probed; none are if there are fewer than two candidates."""
    return f"{planner}, {probes} probed" if probes > 1 else planner
