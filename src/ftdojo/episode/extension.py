"""More budget for a run: its owner resumes it with larger limits, or asks for more time while it goes on.

The record says so. A request for more time is a file in the folder of the run: its process takes it between two
submissions, or when the run is resumed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import Field

from ftdojo.contract.budget import Budget
from ftdojo.contract.progress import Progress
from ftdojo.disk import disk_errors
from ftdojo.episode.accounts import Accounts
from ftdojo.errors import InputError, UsageError
from ftdojo.files import write_file
from ftdojo.record import Ledger, RunFolder, events
from ftdojo.record.history import History
from ftdojo.schema import StrictModel, load_file

Limits = dict[str, float | None]
"""Account -> limit; ``None`` is no limit."""


class TimeRequest(StrictModel):
    """The content of the file."""

    wall_s: float = Field(gt=0, allow_inf_nan=False)
    """The limit of wall-clock time that is wanted, in seconds."""


@dataclass(frozen=True, slots=True)
class TimeRequests:
    """Takes the requests for more time of one run, in its process."""

    folder: RunFolder
    history: History
    accounts: Accounts
    progress: Progress
    most_s: float
    """The limit that the task has."""
    allowed: bool
    """Whether the run may have more time."""

    def take(self) -> None:
        """Go on under the limit that the owner has asked for since the last call, if there is such a request."""
        wanted = read_request(self.folder)
        if wanted is None:
            return
        limits = self.history.budget | {"wall_s": min(wanted, self.most_s)}
        try:
            extend_budget(self.history, limits, self.folder.path, allowed=self.allowed, progress=self.progress)
        except UsageError as error:
            self.progress.say(f"there is no more time: {error.message}")
        self.accounts.extend(replace(self.accounts.budget, wall_s=self.history.budget["wall_s"]))
        self.folder.time_request.unlink(missing_ok=True)


def request_time(run: Path, more_s: float, *, allowed: bool) -> float:
    """Ask for more time, and return the limit that is asked for, in seconds.

    Several requests before one is taken add up.

    Args:
        run: the folder of the run.
        more_s: how much, in seconds.
        allowed: whether the run may have more time.

    Raises:
        UsageError: if it may not, has not begun, has ended, or has no limit of time.
    """
    with Ledger(run, writable=False) as ledger:
        history = History(ledger)
        if history.first(events.RunBegun) is None:
            raise UsageError(f"nothing is recorded in {run}", fix="repeat the command of the run: it has not begun")
        _require_extensible(history, run, allowed=allowed)
        limit = history.budget.get("wall_s")
    if limit is None:
        raise UsageError(f"{run} has no limit of time", fix="nothing is to be done: it takes the time that it needs")
    folder = RunFolder(run)
    wanted = max(limit, read_request(folder) or 0.0) + more_s
    with disk_errors(run):
        write_file(folder.time_request, TimeRequest(wall_s=wanted).model_dump_json() + "\n")
    return wanted


def read_request(folder: RunFolder) -> float | None:
    """Return the limit of time that is asked for, in seconds; ``None`` if no file asks for one."""
    try:
        return load_file(folder.time_request, TimeRequest, links=False).wall_s
    except InputError:
        return None


def find_limits(history: History, given: Budget) -> Budget:
    """Return the limits of a run whose command gives these. Those that it began with stand for those in force."""
    begun = history.configuration
    if begun is None or begun.budget != asdict(given):
        return given
    extended: dict[str, Any] = {name: limit for name, limit in history.budget.items() if limit != begun.budget[name]}
    return replace(given, **extended)


def extend_budget(history: History, wanted: Limits, place: Path, *, allowed: bool, progress: Progress) -> None:
    """Record ``wanted`` as the limits of the run in ``place`` if they are larger than those in force.

    Raises:
        UsageError: if the run may not have more, or has ended.
    """
    if not _is_larger(wanted, history.budget):
        return
    _require_extensible(history, place, allowed=allowed)
    history.append(events.BudgetExtended(budget=wanted))
    progress.say("the budget is extended, and the record says so")


def _require_extensible(history: History, place: Path, *, allowed: bool) -> None:
    if not allowed:
        raise UsageError(
            f"{place} is a run of a contest, in which every contestant has the same budget",
            fix="resume it with the budget of its suite",
        )
    if history.first(events.AgentStopped):
        raise UsageError(
            f"{place} has ended and its test was opened, so it cannot be given more budget",
            fix="begin a new run with another --out: what this run trained is taken from the store",
        )


def _is_larger(wanted: Limits, now: Limits) -> bool:
    """Whether no limit is smaller, and at least one is larger."""

    def at_least(name: str) -> bool:
        new, old = wanted.get(name), now.get(name)
        return new is None or (old is not None and new >= old)

    return wanted != now and all(map(at_least, now.keys() | wanted.keys()))
