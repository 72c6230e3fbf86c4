"""The accounts of the budget: the spent amount next to its limit, and why it is more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from ftdojo.contract.budget import Spent
from ftdojo.report import text
from ftdojo.report.view.parts import Account

NAMES = {"wall_s": "wall time", "device_s": "device time", "cost_usd": "LLM cost"}
Limits = Mapping[str, float | None]


def accounts(spent: Spent, begun_with: Limits, limits: Limits, last: Spent, iterations: int) -> list[Account]:
    """Return every account in its unit.

    Args:
        spent: in the whole run.
        begun_with: the limits at its beginning.
        limits: those in force at its end.
        last: in the last iteration.
        iterations: their number.
    """
    return [
        Account(
            NAMES.get(name, name.replace("_", " ")),
            _amount(name, used),
            _amount(name, limits.get(name)),
            " ".join(
                filter(None, (_extended(name, begun_with, limits), _overdrawn(name, used, limits, last, iterations)))
            ),
        )
        for name, used in asdict(spent).items()
    ]


def _amount(name: str, value: float | None) -> str:
    if value is None:
        return "no limit"
    if name.endswith("_s"):
        return text.duration(value)
    return f"${value:,.2f}" if name == "cost_usd" else f"{value:,.0f}"


def _extended(name: str, begun_with: Limits, limits: Limits) -> str:
    if (first := begun_with.get(name)) == limits.get(name):
        return ""
    return f"The owner extended it from {_amount(name, first)}."


def _overdrawn(name: str, used: float, limits: Limits, last: Spent, iterations: int) -> str:
    """Say why more was spent than the limit: an iteration that is begun is finished."""
    limit = limits.get(name)
    if limit is None or used <= limit or not iterations:
        return ""
    took = getattr(last, name)
    left = limit - (used - took)
    over = f"{_amount(name, used - limit)} over: iteration {iterations}"
    if left <= 0:
        return f"{over} and the agent's last planning came after the limit."
    return f"{over} began with {_amount(name, left)} left and took {_amount(name, took)}; what is begun is finished."
