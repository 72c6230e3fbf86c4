"""Memory of the process while it trains: its peak, and what becomes of what is freed."""

from __future__ import annotations

import contextlib
import ctypes
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
"""Parameters of mallopt(3), by the numbers of glibc's ``malloc.h``."""
_USUAL = {_TRIM_THRESHOLD: 2**26, _MMAP_THRESHOLD: 2**25, _MMAP_MAX: 2**16}
"""What glibc comes to by itself, and no longer does once a parameter was set, in a process with large blocks."""
_KEEPING = {_TRIM_THRESHOLD: -1, _MMAP_MAX: 0}
_RETURNING = {_MMAP_THRESHOLD: 2**20}


class PeakMemory:
    """A context whose ``peak``, in bytes, is known when it ends.

    On a GPU it is the most that torch had allocated. On a CPU it is the resident memory of the whole process: on Linux
    its peak within the context, elsewhere (or in a container that forbids it) its peak since the process began.
    """

    def __init__(self, device: str) -> None:
        self.peak = 0
        self._device = device

    def __enter__(self) -> Self:
        if self._device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        elif _CLEAR.exists():
            with contextlib.suppress(PermissionError):
                _CLEAR.write_text("5")  # sets the peak back to what is resident now, see proc(5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.peak = torch.cuda.max_memory_allocated() if self._device == "cuda" else _resident_peak()


def _resident_peak() -> int:
    if _STATUS.exists():
        fields = dict(line.split(":", 1) for line in _STATUS.read_text("utf-8").splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def freed_is_kept(device: str) -> contextlib.AbstractContextManager[None]:
    """On a CPU, memory that is freed within the context stays with the process, and goes back at its end.

    Blocks above 32 MiB, as long rows need by the dozen in every layer, are otherwise asked of the kernel each time,
    which fills them with zeros page by page. With long rows that takes more time than the memory is worth that gets
    lost between blocks. It is glibc's allocator that is told; where there is another one, nothing changes.
    """
    return _told(device, _KEEPING)


def freed_is_returned(device: str) -> contextlib.AbstractContextManager[None]:
    """On a CPU, large blocks that are freed within the context go back at once, by the same means.

    Loading a model makes a few of each size, more of them where weights are made 4-bit: gaps that they leave would be
    as large as a small model, in some processes and not in others.
    """
    return _told(device, _RETURNING)


@contextlib.contextmanager
def _told(device: str, parameters: dict[int, int]) -> Iterator[None]:
    library = ctypes.CDLL(None)
    if device != "cpu" or not (hasattr(library, "mallopt") and hasattr(library, "malloc_trim")):
        yield
        return
    for parameter, value in parameters.items():
        library.mallopt(parameter, value)
    try:
        yield
    finally:
        for parameter, value in _USUAL.items():
            library.mallopt(parameter, value)
        library.malloc_trim(0)
