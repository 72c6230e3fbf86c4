"""Fine-tuning of language models by agents: FT-Dojo, the environment, and FT-Agent.

    from ftdojo import Dojo, Home, make_agent, run_episode

    with Dojo("chemistry/mol_und", run, model="smollm2-135m", home=Home.default()) as dojo:
        result = run_episode(dojo, make_agent("ft-agent", run / "workspace"))

Names are loaded when they are first used, so that scoring does not import a training framework.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_PLACES = {
    "Agent": "ftdojo.contract",
    "Budget": "ftdojo.contract.budget",
    "DataLlm": "ftdojo.gateway",
    "Dojo": "ftdojo.episode",
    "FtdojoError": "ftdojo.errors",
    "Home": "ftdojo.record",
    "Observation": "ftdojo.contract",
    "RunResult": "ftdojo.contract.result",
    "ScoreReport": "ftdojo.tasks",
    "Task": "ftdojo.tasks",
    "get_task": "ftdojo.tasks:get",
    "make_agent": "ftdojo.agents:make",
    "run_episode": "ftdojo.episode",
    "score": "ftdojo.tasks",
    "validate": "ftdojo.episode",
}

__all__ = list(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'ftdojo' has no attribute '{name}'")
    module, _, attribute = _PLACES[name].partition(":")
    return getattr(import_module(module), attribute or name)
