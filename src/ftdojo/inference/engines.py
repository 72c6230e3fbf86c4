"""The engines that a run can evaluate with, by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ftdojo.errors import UsageError
from ftdojo.inference.protocol import Engine, EnginePlugin
from ftdojo.plugins import Kind

TRANSFORMERS = "transformers"
"""The engine that every installation has."""
ENGINES: Kind[EnginePlugin] = Kind(
    noun="engine",
    group="ftdojo.engines",
    members=("identity", "open"),
    built_in={TRANSFORMERS: "ftdojo.inference.engine:PLUGIN", "vllm": "ftdojo.inference.vllm:PLUGIN"},
)


def identity(name: str) -> str:
    """What outputs of the engine are stored under. That of a plug-in begins with its name, so it cannot be mistaken for
    that of a built-in engine.

    Raises:
        UsageError: for an unknown engine, or one without an identity.
    """
    own = ENGINES.load(name).identity
    if not isinstance(own, str) or not own:
        raise UsageError(f"the engine '{name}' has no identity", fix="give it a text such as 'mine-1'")
    return own if name in ENGINES.built_in else f"{name} {own}"


@contextmanager
def opened(name: str, model: Path) -> Iterator[Engine]:
    """The engine of that name with the model in a folder.

    Raises:
        UsageError: for an unknown engine.
    """
    with ENGINES.load(name).open(model) as engine:
        yield engine
