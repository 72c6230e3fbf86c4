"""The peak of memory over a stretch of work."""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


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
