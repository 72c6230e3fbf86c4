"""Resource use of one sandbox's processes, read from the sandbox's own ``/proc``, which lists exactly these."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import itertools
import os
import platform
import stat
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_KCMP = {"x86_64": 312, "aarch64": 272}.get(platform.machine())
"""Number of the system call kcmp(2), for which the C library has no function."""
_KCMP_VM = 1
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class Usage:
    """One sample over all processes."""

    memory_bytes: int = 0
    cpu_s: float = 0.0
    unlinked_bytes: int = 0
    """Disk space of files on the writable folder's device that are open but have no name any more."""


class Processes:
    """The processes below a sandbox's init. ``writable`` is a descriptor of its writable folder. Close it after use."""

    def __init__(self, init: int, writable: int) -> None:
        self._init = init
        self._path = Path("/proc", str(init), "root", "proc")  # the sandbox's own root, through /proc
        self._device = os.fstat(writable).st_dev
        self._proc: int | None = None

    def close(self) -> None:
        """Close the view of ``/proc``."""
        if self._proc is not None:
            os.close(self._proc)
            self._proc = None

    def sample(self) -> Usage | None:
        """Measure current use; ``None`` while the sandbox is being built and after it is gone."""
        proc = self._open()
        if proc is None:
            return None
        memory = cpu = 0.0
        unlinked: dict[tuple[int, int], int] = {}
        for pid in _numbers(proc):
            cpu += self._cpu(pid)
            threads = [f"{pid}/task/{number}" for number in self._numbers(f"{pid}/task")]
            memory += next((size for thread in threads if (size := self._memory(thread)) is not None), 0)
            for thread in threads:
                unlinked.update(self._unlinked(thread))
        on_disk = sum(size for (device, _), size in unlinked.items() if device == self._device)
        in_memory = sum(unlinked.values()) - on_disk
        return Usage(int(memory) + in_memory, cpu, on_disk)

    def measure_shared_bytes(self) -> int:
        """Measure the bytes that a sample counts more than once because processes share one address space, as parent
        and child do from ``vfork`` until ``exec``. Expensive: call it only when needed."""
        pids = sorted(_descendants(self._init), key=functools.cmp_to_key(_compare_memory))
        again = (pid for before, pid in itertools.pairwise(pids) if _compare_memory(before, pid) == 0)
        return sum(self._memory(f"/proc/{pid}") or 0 for pid in again)

    def _open(self) -> int | None:
        """Open ``/proc`` once it is the sandbox's own: this process has no entry there, so ``self`` dangles."""
        if self._proc is None:
            try:
                proc = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
            except OSError:
                return None
            try:
                os.readlink("self", dir_fd=proc)
            except FileNotFoundError:
                self._proc = proc
            else:
                os.close(proc)
        return self._proc

    def _memory(self, thread: str) -> int | None:
        """Proportional set size of the thread's process; ``None`` for a thread that has ended.

        Any thread of the process gives it; the first one may end before the others. For a process that hides it
        (``PR_SET_DUMPABLE``), the resident size, which is larger, is used instead.
        """
        if rollup := self._read(f"{thread}/smaps_rollup"):
            return int(next(line for line in rollup.splitlines() if line.startswith(b"Pss:")).split()[1]) * 1024
        resident = self._read(f"{thread}/statm")
        return int(resident.split()[1]) * _PAGE or None if resident else None

    def _cpu(self, pid: str) -> float:
        """User and system time of a process and of the children that it has waited for (proc_pid_stat(5), 14 to 17)."""
        fields = self._read(f"{pid}/stat").rpartition(b")")[2].split()
        return sum(map(int, fields[11:15])) / _TICKS

    def _unlinked(self, thread: str) -> dict[tuple[int, int], int]:
        """(device, inode) -> bytes of open regular files without a name: ``memfd_create``, or deleted while open.

        Read per thread, because each may have its own descriptors (``unshare(CLONE_FILES)``).
        """
        found = {}
        for number in self._numbers(f"{thread}/fd"):
            with contextlib.suppress(OSError):  # closed since it was listed
                status = os.stat(f"{thread}/fd/{number}", dir_fd=self._proc)
                if stat.S_ISREG(status.st_mode) and status.st_nlink == 0:
                    found[status.st_dev, status.st_ino] = status.st_blocks * 512
        return found

    def _read(self, name: str) -> bytes:
        """Read a file of the view; empty if its process has ended, or hides it."""
        try:
            descriptor = os.open(name, os.O_RDONLY, dir_fd=self._proc)
        except OSError:
            return b""
        try:
            return os.read(descriptor, 8192)
        except OSError:
            return b""
        finally:
            os.close(descriptor)

    def _numbers(self, name: str) -> list[str]:
        """The numbered entries of a folder of the view; none if its process has ended, or hides it."""
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._proc)
        except OSError:
            return []
        try:
            return _numbers(descriptor)
        finally:
            os.close(descriptor)


def _descendants(pid: int) -> list[int]:
    """The process and all below it, by the host's numbers."""
    found = [pid]
    for parent in found:  # the list grows while it is iterated
        for path in Path("/proc", str(parent), "task").glob("*/children"):
            with contextlib.suppress(OSError):  # ended since
                found.extend(map(int, path.read_text("ascii").split()))
    return found


def _compare_memory(one: int, other: int) -> int:
    """0 if two processes share their address space, else their order, by kcmp(2). Unknown counts as not shared."""
    order = -1 if _KCMP is None else _LIBC.syscall(_KCMP, one, other, _KCMP_VM, 0, 0)
    return {0: 0, 1: -1, 2: 1}.get(order, one - other)


def _numbers(folder: int) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.name.isdigit()]
    except OSError:
        return []
