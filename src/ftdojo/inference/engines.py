"""The inference engines that a run can use for evaluation, by name."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from ftdojo.errors import UsageError
from ftdojo.inference.opening import open_model
from ftdojo.inference.protocol import Engine, EnginePlugin
from ftdojo.models.resident import Resident
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
    """Return the identity under which outputs of an engine are stored.

    That of a plug-in begins with its name, so it differs from that of any built-in engine.

    Raises:
        UsageError: for an unknown engine, or one without an identity.
    """
    own = ENGINES.load(name).identity
    if not isinstance(own, str) or not own:
        raise UsageError(f"the engine '{name}' has no identity", fix="give it a text such as 'mine-1'")
    return own if name in ENGINES.built_in else f"{name} {own}"


def open_engine(name: str, model: Path, resident: Resident | None = None) -> AbstractContextManager[Engine]:
    """Load the model in a folder with the named engine; see :func:`ftdojo.inference.open_model`.

    Raises:
        UsageError: for an unknown engine.
    """
    return open_model(ENGINES.load(name), model, resident)
