"""Faults of the machine for tests, made for real: disks that are small or read-only, users that differ, clocks that
jump."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from ftdojo.record import ledger

CLONE_NEWNS = 0x00020000
ANOTHER = 65534
"""The id of a user that owns nothing else here."""
OVER_OTHERS = "-dac_override,-dac_read_search"
"""The powers of root to read and write files of others."""
T = TypeVar("T")


def with_disk(folder: Path, options: str, work: Callable[[], T]) -> T:
    """Return what ``work`` returns in a thread that has a disk of its own at ``folder``. Only the thread, and what it
    starts, see this disk."""

    found: Future[T] = Future()

    def work_there() -> T:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS):
            raise OSError(ctypes.get_errno(), "no namespace of its own")
        mount("--make-rprivate", "/")
        mount("-t", "tmpfs", "-o", options, "none", str(folder))
        return work()

    def report() -> None:
        try:
            found.set_result(work_there())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread of the test
            found.set_exception(error)

    threading.Thread(target=report, daemon=True).start()  # a test that is interrupted does not wait for it
    return found.result()


def mount(*arguments: str) -> None:
    """Mount something, or change how it is mounted."""
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


@contextlib.contextmanager
def read_only(disk: Path) -> Iterator[None]:
    """Make a disk of :func:`with_disk` read-only for a time. Files that are open to be written stay so."""
    mount("--bind", str(disk), str(disk))
    mount("-o", "remount,bind,ro", str(disk))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@contextlib.contextmanager
def full(disk: Path, left: int = 0) -> Iterator[None]:
    """Fill a disk of :func:`with_disk` for a time, but for so many bytes."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as stream:
        for size in (2**16, 2**12):
            with contextlib.suppress(OSError):
                while stream.write(bytes(size)) == size:
                    pass
        stream.truncate(max(0, stream.tell() - left))
    try:
        yield
    finally:
        filler.unlink()


@functools.cache
def may_mount() -> bool:
    """Whether this user may mount."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return with_disk(Path(folder), "size=64k", lambda: True)
        except (OSError, subprocess.CalledProcessError):
            return False


needs_mount = pytest.mark.skipif(not may_mount(), reason="this user may not mount a small disk")
needs_users = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can act as another user"
)


def give_away(folder: Path) -> None:
    """Make another user the owner of a folder and of all that is in it."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, ANOTHER, ANOTHER, follow_symlinks=False)


def without_powers(powers: str, command: Sequence[object]) -> list[str]:
    """Return a command that runs another one as root without some of its powers, such as :data:`OVER_OTHERS`."""
    return ["setpriv", f"--bounding-set={powers}", *map(str, command)]


def let_clock_jump(monkeypatch: pytest.MonkeyPatch, *hours: float) -> None:
    """Let the time of day of events be these, one after the other, in hours from the beginning of 2026."""
    left = iter(hours)

    class Jumping(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=next(left))

    monkeypatch.setattr(ledger, "datetime", Jumping)
