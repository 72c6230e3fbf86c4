"""Open a model that answers: on a network that is lent, where that is possible, otherwise from a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from ftdojo import models
from ftdojo.inference.engine import ATTENTION
from ftdojo.models.resident import Resident

if TYPE_CHECKING:
    import torch

M = TypeVar("M")
M_co = TypeVar("M_co", covariant=True)


class Opener(Protocol[M_co]):
    """What loads models that answer, such as an engine. It may have ``open_network``, too: both are described at
    :class:`ftdojo.inference.EnginePlugin`."""

    def open(self, model: Path, /) -> AbstractContextManager[M_co]:
        """Load the model in a folder; free it when the context ends."""


@contextmanager
def open_model(opener: Opener[M], model: Path, resident: Resident | None = None) -> Iterator[M]:
    """Load the model in a folder; free it when the context ends.

    With ``resident`` the network is borrowed, if ``opener`` takes one.
    """
    with ExitStack() as opened:
        found = _open_network(opened, opener, model, resident, {})
        yield _open_folder(opened, opener, model, resident) if found is None else found


@contextmanager
def open_changed(
    opener: Opener[M],
    base: Path,
    changed: Mapping[str, torch.Tensor] | None,
    export: Callable[[Path], None],
    resident: Resident | None = None,
) -> Iterator[M]:
    """Open a model that was trained from ``base``.

    Where that is possible, the network of ``base`` is borrowed and has the trained values while the context lasts.
    Otherwise the model is exported to a temporary folder. The answers are the same.

    Args:
        opener: an engine, or another kind of model that answers.
        base: folder of the base model.
        changed: the tensors in which the model differs from ``base``, if they are known
            (:meth:`ftdojo.training.Trainer.changed_tensors`).
        export: writes the whole model to a folder.
        resident: lends the network; without one the model is exported.
    """
    with ExitStack() as opened:
        found = None if changed is None else _open_network(opened, opener, base, resident, changed)
        if found is None:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="ftdojo-export-")))
            export(folder)
            found = _open_folder(opened, opener, folder, resident)
        yield found


def _open_network(
    opened: ExitStack, opener: Opener[M], model: Path, resident: Resident | None, changed: Mapping[str, torch.Tensor]
) -> M | None:
    """Open a model on the network that is lent; ``None`` if there is none, or ``opener`` or the network cannot."""
    open_network = getattr(opener, "open_network", None)
    if resident is None or open_network is None:
        return None
    with ExitStack() as borrowed:
        loan = borrowed.enter_context(resident.lend(model, models.compute(), ATTENTION))
        if not loan.replace(changed):
            return None
        opened.push(borrowed.pop_all())
    found: M = opened.enter_context(open_network(loan.network, model))
    return found


def _open_folder(opened: ExitStack, opener: Opener[M], model: Path, resident: Resident | None) -> M:
    if resident is not None:
        resident.release()  # a model of its own is loaded
    return opened.enter_context(opener.open(model))
