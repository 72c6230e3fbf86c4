"""Whole runs that are interrupted after their first iteration and resumed, and the iterations of any run."""

from __future__ import annotations

from pathlib import Path

from ftdojo.contract.options import RunOptions
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import RunResult
from ftdojo.episode import Dojo, run_episode
from ftdojo.record import Home, Ledger
from ftdojo.record.history import History
from submissions import Submits


def play_resumed(options: RunOptions, run: Path, home: Home, agent: Submits) -> RunResult:
    """Play a run in the folder ``run``: its first submission, and after an interruption the other ones."""
    with Dojo(options, run, home=home) as begun:
        begun.reset()
        begun.step(agent.folders[0])
    with Dojo(options, run, home=home) as resumed:
        return run_episode(resumed, agent)


def read_iterations(run: Path) -> list[Iteration]:
    """Return the iterations in the ledger of a run."""
    with Ledger(run, writable=False) as ledger:
        return History(ledger).iterations
