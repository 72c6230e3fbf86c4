"""What the owner of a run can do from its page. Each is what a command does, and refuses what the command refuses."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from ftdojo.bench import is_in_contest, is_suite, leaderboard
from ftdojo.episode.extension import request_time
from ftdojo.episode.finish import request_finish
from ftdojo.errors import UsageError
from ftdojo.record import is_running
from ftdojo.record.ledger import find_writer
from ftdojo.report import text, write_report
from ftdojo.report.leaderboard import write_leaderboard

MINUTES = (10, 30, 60, 180)
"""How much more time can be given at once."""


def finish(run: Path) -> str:
    """Ask for the end of a run that goes on, as ``ftdojo finish``; return what happens now.

    Raises:
        UsageError: if it does not go on: to score its test takes a process of its own; or if it may not end early.
    """
    if not is_running(run):
        raise UsageError("the run does not go on", fix=f"to score it as it is: ftdojo finish {run}")
    request_finish(run, allowed=not is_in_contest(run))
    return "The run ends after the submission that it works on."


def give_time(run: Path, minutes: str) -> str:
    """Ask for a larger limit of time, as ``ftdojo extend``; return what happens now.

    Args:
        run: its folder.
        minutes: how much more, one of :data:`MINUTES`.

    Raises:
        UsageError: if it is another number, or the run may not have more time.
    """
    if minutes not in map(str, MINUTES):
        raise UsageError("this is not how much time can be given", fix=f"give {', '.join(map(str, MINUTES))} minutes")
    limit = request_time(run, 60.0 * int(minutes), allowed=not is_in_contest(run))
    when = "from its next submission on" if is_running(run) else "when its command is repeated as it was"
    return f"The limit becomes {text.duration(limit)} {when}, but not more than the task allows."


def stop(run: Path) -> str:
    """Interrupt the process of a run, as Ctrl-C in its terminal; return what happens now.

    The process is the one that holds the lock. It is held by a descriptor while that is checked, so that the signal
    cannot reach another process that got its number meanwhile.

    Raises:
        UsageError: if there is none, if it cannot be found, or if the run is one of a contest.
    """
    if is_in_contest(run):
        raise UsageError("a run of a contest is not stopped alone", fix="interrupt `ftdojo bench` in its terminal")
    fix = "press Ctrl-C in its terminal, if it goes on"
    process = find_writer(run)
    if process is None or process == os.getpid():
        raise UsageError("no process of this run can be found", fix=fix)
    try:
        descriptor = os.pidfd_open(process)
    except OSError as error:
        raise UsageError(f"the process of this run cannot be reached: {error.strerror}", fix=fix) from None
    try:
        if find_writer(run) != process:
            raise UsageError("the run has just ended", fix="load the page again")
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
    except OSError as error:
        raise UsageError(f"the process of this run cannot be reached: {error.strerror}", fix=fix) from None
    finally:
        os.close(descriptor)
    return "The run is interrupted. What is finished is kept; it goes on when its command is repeated."


def write_page(folder: Path) -> str:
    """Write the report of a run, or the leaderboard of a contest, as ``ftdojo report``; return what was written.

    Raises:
        FtdojoError: if the record cannot be read, or the page not be written.
    """
    if is_suite(folder):
        return write_leaderboard(folder, leaderboard(folder)).name
    return write_report(folder).name
