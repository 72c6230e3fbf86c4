"""More budget for a run that was interrupted: its owner resumes it with larger limits, and the record says so."""

from __future__ import annotations

from pathlib import Path

from ftdojo.contract.progress import Progress
from ftdojo.errors import UsageError
from ftdojo.record import events
from ftdojo.record.history import History

Limits = dict[str, float | None]
"""Account -> limit; ``None`` is no limit."""


def extend_budget(history: History, wanted: Limits, place: Path, *, allowed: bool, progress: Progress) -> None:
    """Record ``wanted`` as the limits of the run in ``place`` if they are larger than those in force.

    Raises:
        UsageError: if the run may not have more, or has ended.
    """
    if not _is_larger(wanted, history.budget):
        return
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
    history.append(events.BudgetExtended(budget=wanted))
    progress.say("the budget is extended, and the record says so")


def _is_larger(wanted: Limits, now: Limits) -> bool:
    """Whether no limit is smaller, and at least one is larger."""

    def at_least(name: str) -> bool:
        new, old = wanted.get(name), now.get(name)
        return new is None or (old is not None and new >= old)

    return wanted != now and all(map(at_least, now.keys() | wanted.keys()))
