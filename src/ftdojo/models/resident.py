"""The network of one base model, which a process keeps in memory between its uses.

Every use borrows a copy of the network that shares the tensors of the one that is kept. Modules, hooks, modes and
configuration belong to the copy, so nothing of them reaches the next use. Values of tensors are changed only through
:meth:`Loan.replace`; at the end of the loan they are read again from the file. A use that changes values in another
way says so before, and a use that fails may have: the network is then dropped and loaded again when it is needed.
"""

from __future__ import annotations

import copy
import gc
import threading
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftdojo.models import network
from ftdojo.models.architectures import runs_batched
from ftdojo.models.device import Compute
from ftdojo.models.info import weight_files
from ftdojo.models.tensors import StoredTensors

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class _Kept:
    """A network as it was loaded."""

    network: Any
    identity: Hashable | None
    """The files, the precision and the device; ``None`` if it is not kept."""
    attention: str
    verified: set[str] = field(default_factory=set)
    """Names of parameters that are known to have the values of the file's tensors of the same name."""


class Loan:
    """A network that is lent."""

    def __init__(self, lent: Any, model: Path, verified: set[str]) -> None:
        """``lent``: the network, of the model in the folder ``model``."""
        self.network = lent
        self.replaced: set[str] = set()
        """Names of the parameters that have other values."""
        self._model, self._verified = model, verified

    def replace(self, tensors: Mapping[str, torch.Tensor]) -> bool:
        """Give parameters other values until the loan ends; each is read from ``tensors`` when its turn comes.

        Returns:
            Whether that was done. If a name is not that of a parameter and of a tensor in the model's files with the
            same values, nothing is changed, because the values could not be put back.
        """
        import torch

        own, stored = dict(self.network.named_parameters()), StoredTensors(self._model)
        for name in tensors:
            if name not in own or stored.shapes.get(name) != list(own[name].shape):
                return False
            if name not in self._verified:
                if not torch.equal(own[name].data, stored[name].to(own[name])):
                    return False
                self._verified.add(name)
        for name in tensors:
            self.replaced.add(name)
            own[name].data.copy_(tensors[name])
        return True


class Resident:
    """Keeps the network of the model that was lent last. A process has one for each run."""

    def __init__(self) -> None:
        self._kept: _Kept | None = None
        self._out = threading.Lock()
        self.measured: dict[Hashable, Any] = {}
        """What was measured with its networks, by all that it depends on."""

    @contextmanager
    def lend(
        self, model: Path, on: Compute, attention: str, *, four_bit: bool = False, trains_all: bool = False
    ) -> Iterator[Loan]:
        """Lend the network of the model in ``model``: as :func:`ftdojo.models.network.load` returns it, on its device.

        While a loan is out, another one gets a network of its own.

        Args:
            model: folder of the model.
            on: its device and precision.
            attention: the attention function, ``eager`` or ``sdpa``.
            four_bit: quantize its weights.
            trains_all: whether the borrower changes all weights. Such a network, and a quantized one, is not kept.

        Raises:
            UsageError: as :func:`ftdojo.models.network.load`.
        """
        if not self._out.acquire(blocking=False):
            yield Loan(_load(model, on, attention, four_bit=four_bit).network, model, set())
            return
        try:
            if self._kept and (four_bit or self._kept.identity != _identity(model, on)):
                self.release()
            # Taken out, and kept again only if the loan ends well.
            kept, self._kept = self._kept or _load(model, on, attention, four_bit=four_bit), None
            if four_bit or trains_all or kept.identity is None:
                yield Loan(_with_attention(kept.network, kept, attention), model, set())
                return
            loan = Loan(_with_attention(_share_tensors(kept.network), kept, attention), model, kept.verified)
            yield loan
            if loan.replaced:
                _read_again(kept.network, model, loan.replaced)
            self._kept = kept
        finally:
            self._out.release()

    def release(self) -> None:
        """Free the memory of the network, for a use that loads its own."""
        import torch

        if self._kept is not None:
            self._kept = None
            gc.collect()  # modules refer to each other
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _identity(model: Path, on: Compute) -> Hashable:
    files = [(path.name, stat.st_size, stat.st_mtime_ns) for path in weight_files(model) if (stat := path.stat())]
    return model.absolute(), on.precision, on.device, tuple(files)


def _load(model: Path, on: Compute, attention: str, *, four_bit: bool) -> _Kept:
    """Load a network. It has no identity if it must not be lent twice: its architecture is unusual, or loading it drew
    random numbers, as a training without that would draw others."""
    import torch

    drawn = torch.get_rng_state()
    loaded = network.load(model, on.dtype, attention, four_bit=four_bit)
    if not four_bit:  # a quantized one is there already
        loaded = loaded.to(on.device)
    lasts = runs_batched(loaded.config) and drawn.equal(torch.get_rng_state())
    return _Kept(loaded, _identity(model, on) if lasts else None, attention)


def _with_attention(lent: Any, kept: _Kept, attention: str) -> Any:
    if attention != kept.attention:
        network.set_attention(lent, attention)
    return lent


def _read_again(kept: Any, model: Path, names: set[str]) -> None:
    """Give parameters the values in the model's files. The borrower may have renamed those of its copy."""
    own, stored = dict(kept.named_parameters()), StoredTensors(model)
    for name in names:
        own[name].data.copy_(stored[name])


def _share_tensors(kept: Any) -> Any:
    """Return a copy of a network whose parameters have the memory of the original's."""
    import torch

    # Parameters of their own, so that gradients and ``requires_grad`` are not shared.
    shared = {id(p): torch.nn.Parameter(p.data, requires_grad=p.requires_grad) for p in kept.parameters()}
    return copy.deepcopy(kept, shared)
