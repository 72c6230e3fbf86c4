"""What the model of an outside agent has cost, by the agent's own count: ftdojo does not see those calls."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from ftdojo.contract.call import Call, Usage
from ftdojo.schema import StrictModel, read_regular

USAGE_FILE = "usage.json"
"""Name of the file in the agent's working folder."""
MAX_BYTES = 10_000
PURPOSE = "outside agent, by its own count"


class _Count(StrictModel):
    """The file."""

    model: str = Field("unknown", max_length=200)
    input_tokens: int = Field(0, ge=0)
    output_tokens: int = Field(0, ge=0)
    cost_usd: float = Field(0.0, ge=0, allow_inf_nan=False)


def read_usage(workspace: Path) -> Call | None:
    """Return what the agent has counted, as one call; ``None`` if it has written no such file, or not a right one."""
    try:
        count = _Count.model_validate_json(read_regular(workspace / USAGE_FILE, MAX_BYTES, links=False))
    except (OSError, ValidationError):
        return None
    usage = Usage(**count.model_dump(exclude={"model"}), estimated=True)
    return Call(
        purpose=PURPOSE, model=count.model, mode="text", messages=[], reply=None, fault=None, usage=usage, seconds=0.0
    )
