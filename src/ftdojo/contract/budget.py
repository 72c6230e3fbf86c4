"""The budget of a run: its limits, what was spent, and what remains. Values only, no clocks."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields

from ftdojo.errors import UsageError

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a run has used. Stages taken from the store are charged what they cost when they were made, so a resumed or
    repeated run is charged the same as the first run, and decides the same."""

    wall_s: float = 0.0
    device_s: float = 0.0
    """Seconds in which the training and inference device was in use."""
    submissions: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The limits of a run; ``None`` is no limit. Limits apply to the agent's part. The environment's own work, which
    is measuring the base model before and scoring test afterwards, is not charged."""

    wall_s: float | None = None
    device_s: float | None = None
    submissions: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None

    def within(self, other: Budget) -> Budget:
        """Return the tighter of two budgets, account by account."""
        pairs = {f.name: [getattr(b, f.name) for b in (self, other)] for f in fields(self)}
        return Budget(**{name: min((v for v in pair if v is not None), default=None) for name, pair in pairs.items()})

    def remaining(self, spent: Spent) -> dict[str, float]:
        """Return what is left of each limited account, in its own unit; negative when overdrawn."""
        limits = {name: limit for name, limit in asdict(self).items() if limit is not None}
        return {name: limit - getattr(spent, name) for name, limit in limits.items()}


def parse_typed_duration(text: str) -> float:
    """Return the seconds of a duration that a person types as the value of an option.

    A number alone is refused: ``--budget 10`` would be ten seconds, and ten minutes are meant.
    """
    if text.replace(".", "", 1).isdigit():
        raise UsageError(f"'{text}' has no unit", fix=f"write {text}m for minutes, {text}h for hours, or {text}s")
    return parse_duration(text)


def parse_duration(text: str) -> float:
    """Return the seconds of a duration such as ``90``, ``45s``, ``30m``, ``1.5h`` or ``1h30m``."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        raise UsageError(f"'{text}' is not a duration", fix="write a number with its unit: 45s, 30m, 1.5h or 2d")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds <= 0:
        raise UsageError(f"'{text}' is not a positive duration", fix="give at least 1s")
    return seconds
