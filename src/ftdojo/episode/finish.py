"""The end of a run before its budget is used up, at the request of its owner."""

from __future__ import annotations

from pathlib import Path

from ftdojo.disk import disk_errors
from ftdojo.errors import UsageError
from ftdojo.files import write_file
from ftdojo.record import Ledger, RunFolder
from ftdojo.record.events import AgentStopped, RunBegun
from ftdojo.record.history import History


def request_finish(run: Path, *, allowed: bool) -> None:
    """Ask for the end of a run: its process ends it after the submission that it works on.

    Nothing is changed if no further submissions are taken in any case.

    Args:
        run: its folder.
        allowed: whether it may end early.

    Raises:
        UsageError: if it may not, or has not begun.
    """
    with Ledger(run, writable=False) as ledger:
        history = History(ledger)
        begun, stopped = history.first(RunBegun), history.first(AgentStopped)
    if begun is None:
        raise UsageError(f"nothing is recorded in {run}", fix="repeat the command of the run: it has not begun")
    if not allowed:
        raise UsageError(
            f"{run} is a run of a contest, in which every contestant has the same budget",
            fix="repeat `ftdojo bench` to finish it",
        )
    if stopped is None:
        with disk_errors(run):
            write_file(RunFolder(run).finish_request, "")
