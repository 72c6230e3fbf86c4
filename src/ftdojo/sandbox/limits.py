"""Resource limits of a sandboxed program, and who enforces each.

This describes bubblewrap; ``docs/security.md`` lists who enforces them in a container.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

Stop = Literal["wall", "cpu", "memory", "folder", "caller"]
"""The limit because of which the watchdog ended a program; ``caller`` if the caller did. Other limits make a system
call of the program fail."""
Watch = Callable[[], bool]
"""Called several times a second while a program runs. If it returns true, the program is ended. It must be quick."""

MIB = 2**20
GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Upper bounds for one run. "Watchdog": sampled about 20 times a second; a program above the limit is killed."""

    wall_s: float = 600.0
    """Wall-clock seconds, including sleep. Watchdog."""
    cpu_s: float = 1200.0
    """Seconds of processor time over all processes and threads. Watchdog."""
    memory_bytes: int = 4 * GIB
    """Proportional set size over all processes, plus memory files that have no name. Watchdog; it can be exceeded for
    one sample, and the kernel's out-of-memory killer is set to kill the sandbox before anything else."""
    processes: int = 64
    """Processes and threads at one time, bubblewrap's init among them. Kernel (``RLIMIT_NPROC``): ``fork`` fails."""
    file_bytes: int = 512 * MIB
    """Size of any one file. Kernel (``RLIMIT_FSIZE``): ``write`` fails with ``EFBIG``."""
    open_files: int = 512
    """Descriptors per process. Kernel (``RLIMIT_NOFILE``): ``open`` fails."""
    folder_bytes: int = 1 * GIB
    """Disk space of the writable folder, including unlinked files that are still open; each file counts at least
    16 KiB. Watchdog, and checked again after the end."""
    scratch_bytes: int = 256 * MIB
    """Size of ``/tmp``, and of ``/dev/shm``, each held in memory. Kernel (size of the file system): ``ENOSPC``."""
    output_bytes: int = 64 * 1024
    """Bytes kept from the end of standard output and error; the rest is read and dropped."""

    def within(self, wall_s: float | None) -> Limits:
        """Return these limits with at most ``wall_s`` seconds of wall clock, but one; ``None`` for no such limit."""
        return self if wall_s is None else replace(self, wall_s=max(1.0, min(self.wall_s, wall_s)))
