"""How much a sandboxed program may use of everything, and who enforces it.

In bubblewrap, that is. Who does in a container stands in ``docs/security.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stop = Literal["wall", "cpu", "memory", "folder"]
"""The limit for which the watchdog ended a program. The other limits make a system call of the program fail."""

MIB = 2**20
GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Upper bounds for one run. "Watchdog" means: sampled some 20 times a second, the program is killed when over."""

    wall_s: float = 600.0
    """Seconds by the clock, asleep or not. Watchdog."""
    cpu_s: float = 1200.0
    """Seconds of processor time over all processes and threads. Watchdog."""
    memory_bytes: int = 4 * GIB
    """Proportional set size over all processes, plus memory files that have no name. Watchdog; it can be passed for
    one sample, and the kernel's out-of-memory killer is told to take the sandbox before anything else."""
    processes: int = 64
    """Processes and threads at one time, bubblewrap's init among them. Kernel (``RLIMIT_NPROC``): ``fork`` fails."""
    file_bytes: int = 512 * MIB
    """Size of any one file. Kernel (``RLIMIT_FSIZE``): ``write`` fails with ``EFBIG``."""
    open_files: int = 512
    """Descriptors a process. Kernel (``RLIMIT_NOFILE``): ``open`` fails."""
    folder_bytes: int = 1 * GIB
    """Disk space of the writable folder, unlinked files that are still open among it, each file at least 16 KiB.
    Watchdog, and once more after the end."""
    scratch_bytes: int = 256 * MIB
    """Size of ``/tmp``, and of ``/dev/shm``, each held in memory. Kernel (size of the file system): ``ENOSPC``."""
    output_bytes: int = 64 * 1024
    """How much of the end of standard output and error is kept; the rest is read and dropped."""
