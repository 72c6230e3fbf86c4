"""What makes a run the run that it is. A run resumes only under the configuration that it began with."""

from __future__ import annotations

import contextlib
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import Field

from ftdojo.errors import UsageError
from ftdojo.schema import StrictModel

PACKAGES = ("ftdojo", "ftdojo-tasks", "torch", "transformers", "peft", "rdkit")


class Configuration(StrictModel):
    """The identity of a run, as the ledger's first event holds it."""

    task: str
    variant: str
    model: str
    agent: str
    planner: str
    data_llm: dict[str, str] = Field(default_factory=dict)
    """The pools of language models that data programs may ask: name -> ``provider:model``."""
    ladder: bool = False
    """Whether agents see validation only where it was shown to have improved."""
    engine: str = "transformers"
    """What models answer with in evaluation."""
    seed: int
    budget: dict[str, float | None]
    digests: dict[str, str]
    """Of the data, the base model and the task's version: what the names above stood for."""

    def require_same(self, other: Configuration, place: Path) -> None:
        """Raise a :class:`UsageError` that names every key in which ``other`` differs from this, the run's own."""
        mine, theirs = self.model_dump(), other.model_dump()
        differing = [
            f"{key}: {mine[key]!r} in the run, {theirs[key]!r} now" for key in mine if mine[key] != theirs[key]
        ]
        if differing:
            raise UsageError(
                f"{place} holds a run with another configuration:\n  " + "\n  ".join(differing),
                fix="repeat the run's own options to resume it, or begin a new run with another --out",
            )


def versions() -> dict[str, str]:
    """The versions that produced a result, of what is installed; recorded, but not part of a run's identity."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
