"""Fine-tuning of language models by agents: FT-Dojo, the environment, and FT-Agent.

    from ftdojo import Dojo, Home, RunOptions, make_agent, run_episode

    with Dojo(RunOptions(task="chemistry/mol_und"), run, home=Home.default()) as dojo:
        result = run_episode(dojo, make_agent("ft-agent", run / "workspace", door=dojo))

These names are the public API; everything else may change. They are loaded when they are first used, so that scoring
does not import a training framework.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ftdojo.agents import Abilities, AgentSetup
    from ftdojo.agents import make as make_agent
    from ftdojo.agents.draft import Draft
    from ftdojo.contract.budget import Budget
    from ftdojo.contract.feedback import Feedback
    from ftdojo.contract.options import RunOptions
    from ftdojo.contract.protocol import Agent, Decision, Door, Iteration, Observation, Probe
    from ftdojo.contract.recipe import Recipe, Source
    from ftdojo.contract.result import RunResult
    from ftdojo.contract.submission import Plan, PlannedChange, Submission
    from ftdojo.contract.task_spec import TaskSpec
    from ftdojo.contract.train_config import Lora, TrainConfig
    from ftdojo.episode import Dojo, run_episode, validate
    from ftdojo.errors import FtdojoError
    from ftdojo.findings import Finding
    from ftdojo.gateway import DataLlm
    from ftdojo.record import Home
    from ftdojo.report.frames import load_contest, load_run
    from ftdojo.tasks import ScoreReport, Task, score
    from ftdojo.tasks import get as get_task

    __version__: str

_PLACES = {
    "Abilities": "ftdojo.agents",
    "Agent": "ftdojo.contract.protocol",
    "AgentSetup": "ftdojo.agents",
    "Budget": "ftdojo.contract.budget",
    "DataLlm": "ftdojo.gateway",
    "Decision": "ftdojo.contract.protocol",
    "Dojo": "ftdojo.episode",
    "Door": "ftdojo.contract.protocol",
    "Draft": "ftdojo.agents.draft",
    "Feedback": "ftdojo.contract.feedback",
    "Finding": "ftdojo.findings",
    "FtdojoError": "ftdojo.errors",
    "Home": "ftdojo.record",
    "Iteration": "ftdojo.contract.protocol",
    "Lora": "ftdojo.contract.train_config",
    "Observation": "ftdojo.contract.protocol",
    "Plan": "ftdojo.contract.submission",
    "PlannedChange": "ftdojo.contract.submission",
    "Probe": "ftdojo.contract.protocol",
    "Recipe": "ftdojo.contract.recipe",
    "RunOptions": "ftdojo.contract.options",
    "RunResult": "ftdojo.contract.result",
    "ScoreReport": "ftdojo.tasks",
    "Source": "ftdojo.contract.recipe",
    "Submission": "ftdojo.contract.submission",
    "Task": "ftdojo.tasks",
    "TaskSpec": "ftdojo.contract.task_spec",
    "TrainConfig": "ftdojo.contract.train_config",
    "get_task": "ftdojo.tasks:get",
    "load_contest": "ftdojo.report.frames",
    "load_run": "ftdojo.report.frames",
    "make_agent": "ftdojo.agents:make",
    "run_episode": "ftdojo.episode",
    "score": "ftdojo.tasks",
    "validate": "ftdojo.episode",
}

__all__ = [
    "Abilities",
    "Agent",
    "AgentSetup",
    "Budget",
    "DataLlm",
    "Decision",
    "Dojo",
    "Door",
    "Draft",
    "Feedback",
    "Finding",
    "FtdojoError",
    "Home",
    "Iteration",
    "Lora",
    "Observation",
    "Plan",
    "PlannedChange",
    "Probe",
    "Recipe",
    "RunOptions",
    "RunResult",
    "ScoreReport",
    "Source",
    "Submission",
    "Task",
    "TaskSpec",
    "TrainConfig",
    "__version__",
    "get_task",
    "load_contest",
    "load_run",
    "make_agent",
    "run_episode",
    "score",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("ftdojo")
    if name not in _PLACES:
        raise AttributeError(f"module 'ftdojo' has no attribute '{name}'")
    module, _, attribute = _PLACES[name].partition(":")
    return getattr(import_module(module), attribute or name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
