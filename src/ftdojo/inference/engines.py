"""The inference engines that a run can use for evaluation, by name."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ftdojo import models
from ftdojo.errors import UsageError
from ftdojo.inference.engine import ATTENTION
from ftdojo.inference.protocol import Engine, EnginePlugin
from ftdojo.models.resident import Resident
from ftdojo.plugins import Kind

if TYPE_CHECKING:
    import torch

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


@contextmanager
def open_engine(name: str, model: Path, resident: Resident | None = None) -> Iterator[Engine]:
    """Load the model in a folder with the named engine; free it when the context ends.

    With ``resident`` the engine borrows the network, if it can.

    Raises:
        UsageError: for an unknown engine.
    """
    with ExitStack() as opened:
        engine = _open_network(opened, name, model, resident, {})
        yield _open_folder(opened, name, model, resident) if engine is None else engine


@contextmanager
def open_changed(
    name: str,
    base: Path,
    changed: Mapping[str, torch.Tensor] | None,
    export: Callable[[Path], None],
    resident: Resident | None = None,
) -> Iterator[Engine]:
    """Open a model that was trained from ``base`` with the named engine.

    Where that is possible, the network of ``base`` is borrowed and has the trained values while the context lasts.
    Otherwise the model is exported to a temporary folder. The answers are the same.

    Args:
        name: the engine.
        base: folder of the base model.
        changed: the tensors in which the model differs from ``base``, if they are known
            (:meth:`ftdojo.training.Trainer.changed_tensors`).
        export: writes the whole model to a folder.
        resident: lends the network; without one the model is exported.

    Raises:
        UsageError: for an unknown engine.
    """
    with ExitStack() as opened:
        engine = None if changed is None else _open_network(opened, name, base, resident, changed)
        if engine is None:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="ftdojo-export-")))
            export(folder)
            engine = _open_folder(opened, name, folder, resident)
        yield engine


def _open_network(
    opened: ExitStack, name: str, model: Path, resident: Resident | None, changed: Mapping[str, torch.Tensor]
) -> Engine | None:
    """Open an engine on the network that is lent; ``None`` if there is none, or the engine or the network cannot."""
    open_network = getattr(ENGINES.load(name), "open_network", None)
    if resident is None or open_network is None:
        return None
    with ExitStack() as borrowed:
        loan = borrowed.enter_context(resident.lend(model, models.compute(), ATTENTION))
        if not loan.replace(changed):
            return None
        opened.push(borrowed.pop_all())
    engine: Engine = opened.enter_context(open_network(loan.network, model))
    return engine


def _open_folder(opened: ExitStack, name: str, model: Path, resident: Resident | None) -> Engine:
    if resident is not None:
        resident.release()  # the engine loads a model of its own
    return opened.enter_context(ENGINES.load(name).open(model))
