"""The accounts of the budget: the spent amount next to its limit."""

from __future__ import annotations

from dataclasses import asdict

from ftdojo.contract.budget import Spent
from ftdojo.contract.configuration import Configuration
from ftdojo.report import text
from ftdojo.report.view.parts import Account


def accounts(spent: Spent, configuration: Configuration) -> list[Account]:
    """Return every account in its unit."""
    names = {"wall_s": "wall time", "device_s": "device time", "cost_usd": "LLM cost"}

    def amount(name: str, value: float | None) -> str:
        if value is None:
            return "no limit"
        if name.endswith("_s"):
            return text.duration(value)
        return f"${value:,.2f}" if name == "cost_usd" else f"{value:,.0f}"

    return [
        Account(
            names.get(name, name.replace("_", " ")), amount(name, used), amount(name, configuration.budget.get(name))
        )
        for name, used in asdict(spent).items()
    ]
