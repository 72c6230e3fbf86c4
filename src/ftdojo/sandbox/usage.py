"""What the processes of one sandbox use, read from the sandbox's own ``/proc``: it lists them all, and nothing else."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """One sample over all processes."""

    memory_bytes: int = 0
    cpu_s: float = 0.0
    unlinked_bytes: int = 0
    """Disk space of files on the writable folder's device that are open but have no name any more."""


class Processes:
    """The processes below a sandbox's init. The view is opened once bubblewrap has built it; close it after use."""

    def __init__(self, init: int, device: int) -> None:
        self._path = f"/proc/{init}/root/proc"
        self._device = device
        self._proc: int | None = None

    def close(self) -> None:
        """Give up the view."""
        if self._proc is not None:
            os.close(self._proc)
            self._proc = None

    def sample(self) -> Usage | None:
        """What is used now; ``None`` as long as the sandbox is being built, or once it is gone."""
        if not self._open():
            return None
        memory = cpu = 0.0
        unlinked: dict[tuple[int, int], int] = {}
        try:
            names = [name for name in os.listdir(self._proc) if name.isdigit()]
        except OSError:
            return None
        for pid in names:
            try:
                memory += self._memory(pid)
                cpu += self._cpu(pid)
                unlinked.update(self._unlinked(pid))
            except OSError:  # it has ended since it was listed
                continue
        on_disk = sum(size for (device, _), size in unlinked.items() if device == self._device)
        in_memory = sum(unlinked.values()) - on_disk
        return Usage(int(memory) + in_memory, cpu, on_disk)

    def _open(self) -> bool:
        """Whether the view is the sandbox's: there, and there alone, this process has no entry and ``self`` dangles."""
        if self._proc is None:
            try:
                proc = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
            except OSError:
                return False
            try:
                os.readlink("self", dir_fd=proc)
            except FileNotFoundError:
                self._proc = proc
            else:
                os.close(proc)
        return self._proc is not None

    def _read(self, name: str) -> bytes:
        descriptor = os.open(name, os.O_RDONLY, dir_fd=self._proc)
        try:
            return os.read(descriptor, 8192)
        finally:
            os.close(descriptor)

    def _memory(self, pid: str) -> int:
        """Proportional set size; the larger resident size for a process that hides it (``PR_SET_DUMPABLE``)."""
        try:
            line = next(line for line in self._read(f"{pid}/smaps_rollup").splitlines() if line.startswith(b"Pss:"))
        except PermissionError:
            return int(self._read(f"{pid}/statm").split()[1]) * _PAGE
        return int(line.split()[1]) * 1024

    def _cpu(self, pid: str) -> float:
        """User and system time of a process and of the children that it has waited for (proc_pid_stat(5), 14 to 17)."""
        fields = self._read(f"{pid}/stat").rpartition(b")")[2].split()
        return sum(map(int, fields[11:15])) / _TICKS

    def _unlinked(self, pid: str) -> dict[tuple[int, int], int]:
        """(device, inode) -> bytes of open regular files without a name: ``memfd_create``, or deleted while open."""
        found = {}
        for number in self._descriptors(pid):
            try:
                status = os.stat(f"{pid}/fd/{number}", dir_fd=self._proc)
            except OSError:  # closed since it was listed
                continue
            if stat.S_ISREG(status.st_mode) and status.st_nlink == 0:
                found[status.st_dev, status.st_ino] = status.st_blocks * 512
        return found

    def _descriptors(self, pid: str) -> list[str]:
        descriptor = os.open(f"{pid}/fd", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._proc)
        try:
            return os.listdir(descriptor)
        finally:
            os.close(descriptor)
