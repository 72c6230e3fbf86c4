"""Peak memory of a training process, and glibc settings that decide whether freed blocks return to the OS."""

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
"""Values that glibc reaches by itself in a process with large blocks, unless a parameter was set."""
_KEEPING = {_TRIM_THRESHOLD: -1, _MMAP_MAX: 0}
_RETURNING = {_MMAP_THRESHOLD: 2**20}


class PeakMemory:
    """A context manager that measures peak memory; ``peak``, in bytes, is set at its end.

    On a GPU it is the most that torch had allocated. On a CPU it is the resident memory of the whole process: on Linux
    its peak within the context, elsewhere (or in a container that forbids this) its peak since the process began.
    """

    def __init__(self, device: str) -> None:
        self.peak = 0
        self._device = device

    def __enter__(self) -> Self:
        if self._device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        elif _CLEAR.exists():
            with contextlib.suppress(PermissionError):
                _CLEAR.write_text("5")  # resets the peak to the current resident memory, see proc(5)
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


def keeping_freed_memory(device: str) -> contextlib.AbstractContextManager[None]:
    """On a CPU, keep memory that is freed within the context in the process; return it to the OS at the end.

    Otherwise blocks above 32 MiB, of which long rows need dozens in every layer, are requested from the kernel each
    time, which fills them with zeros page by page. With long rows that time costs more than the memory lost between
    blocks. The setting is glibc's; with another allocator nothing changes.
    """
    return _malloc_parameters(device, _KEEPING)


def returning_freed_memory(device: str) -> contextlib.AbstractContextManager[None]:
    """On a CPU, return large blocks that are freed within the context to the OS at once, by the same means.

    Loading a model allocates a few of each size, and more if weights are quantized to 4 bits. In some processes, but
    not in others, the gaps that they leave would be as large as a small model.
    """
    return _malloc_parameters(device, _RETURNING)


@contextlib.contextmanager
def _malloc_parameters(device: str, parameters: dict[int, int]) -> Iterator[None]:
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
