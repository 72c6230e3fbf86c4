"""One episode with an agent in the seat: it may cancel what it has asked for, leave, and come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from ftdojo.contract.options import RunOptions
from ftdojo.contract.result import RunResult
from ftdojo.episode import Dojo
from ftdojo.outside.seat import AgentLeft, Cancelled, Room, Seat, Watched
from ftdojo.outside.usage import read_usage
from ftdojo.record import Home, RunFolder
from ftdojo.record.ledger import wait_until_free

LOCK_S = 60.0
"""How long to wait for a run that another process is leaving."""


def play(
    options: RunOptions, folder: Path, seat: Seat, watched: Watched, begun: Callable[[], None], *, may_extend: bool
) -> RunResult | None:
    """Run or resume an episode, and return its result; ``None`` if the agent has left.

    Args:
        options: the options of the run.
        folder: the folder of its record.
        seat: the agent's seat.
        watched: receives the progress.
        begun: called when the run is open, before the base model is measured.
        may_extend: whether the run may get larger limits than it began with.

    Raises:
        KeyboardInterrupt: after the time so far was charged.
    """
    wait_until_free(folder, LOCK_S)
    with Dojo(options, folder, home=Home.default(), progress=watched, may_extend=may_extend) as dojo:
        seat.open_room(
            Room(dojo.raw, RunFolder(folder).workspace, dojo.precheck, dojo.calls.remaining, asdict(dojo.budget))
        )
        try:
            begun()
            return _run_episode(dojo, seat, RunFolder(folder).agent)
        except AgentLeft:
            dojo.pause()
            return None
        except KeyboardInterrupt:
            dojo.pause()
            raise
        finally:
            seat.close_room()


def _run_episode(dojo: Dojo, seat: Seat, workspace: Path) -> RunResult:
    """The loop of :func:`ftdojo.episode.run_episode`, with requests that can be cancelled."""
    observation = dojo.reset()
    seat.observe(observation)
    while not dojo.over and (submission := seat.propose(observation)) is not None:
        try:
            with seat.cancellable():
                observation = dojo.step(submission)
            seat.budget = asdict(dojo.budget)
        except Cancelled:
            known = len(observation.history)
            observation = dojo.abandon()
            if len(observation.history) == known:
                seat.report_cancelled()
    seat.stopping = True
    usage = read_usage(workspace)
    if usage is not None and not any(call.purpose == usage.purpose for call in dojo.recorded_calls):
        dojo.calls.append(usage)
    dojo.progress.say("the agent has stopped: the best model is exported and scored on test")
    return dojo.close()
