"""The one folder that a sandboxed program may write: lent to it, measured, returned. Its content is hostile.

Everything below uses directory descriptors and never follows a link, so a program that replaces a folder with a link at
the right moment gains nothing.
"""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ftdojo.errors import PrerequisiteError

ENTRY_BYTES = 16 * 1024
"""Minimum charge for a file, folder or link: many empty ones would exhaust inodes, and the time to count them."""
MAX_DEPTH = 64
"""Folders nested deeper than this count as over the limit: the usual tools fail on trees some thousand levels deep."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class _TooDeepError(OSError):
    """More than ``MAX_DEPTH`` levels."""


@contextlib.contextmanager
def lend(path: Path, uid: int | None) -> Iterator[int]:
    """Yield a descriptor of the empty folder ``path``, which ``uid`` (if given) owns during the block.

    Afterwards its former owner owns all of it again. No process of ``uid`` may be left by then.

    Raises:
        ValueError: if the folder is not empty.
        PrerequisiteError: if this process is root without the powers to give it away.
    """
    descriptor = os.open(path, _FOLDER)
    try:
        if any(True for _ in _entries(descriptor)):
            raise ValueError(f"the writable folder {path} is not empty")
        before = os.fstat(descriptor)
        if uid is None:
            yield descriptor
            return
        _give(descriptor, uid, before)
        try:
            yield descriptor
        finally:
            _restore_owner(descriptor, path, before)
    finally:
        os.close(descriptor)


def _give(descriptor: int, uid: int, before: os.stat_result) -> None:
    """Make ``uid`` the owner of a folder, which alone may use it then."""
    try:
        os.fchown(descriptor, uid, uid)
        os.fchmod(descriptor, 0o700)
    except PermissionError:
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, before.st_uid, before.st_gid)
        raise PrerequisiteError(
            "root may not give files to the user of a sandbox here: it lacks the capabilities CHOWN or FOWNER",
            fix="add them to the container, or run ftdojo as an ordinary user",
        ) from None


def measure_bytes(descriptor: int, *, enough: int) -> int:
    """Disk space below a folder in bytes. Counting stops above ``enough``; an unmeasurable tree is above it."""
    total = 0
    try:
        for _, _, status in _entries(descriptor):
            total += max(status.st_blocks * 512, ENTRY_BYTES)
            if total > enough:
                break
    except OSError:
        return enough + 1
    return total


def is_over(descriptor: int, room: int) -> bool:
    """Whether a folder has more than ``room`` bytes below it; always true for a negative ``room``."""
    return room < 0 or measure_bytes(descriptor, enough=room) > room


def empty(path: Path) -> None:
    """Delete everything below ``path``, at any depth and with any modes. For a program that exceeded its limit.

    ``shutil.rmtree`` gives up on a tree that is thousands of levels deep; these tools do not.
    """
    subprocess.run(["chmod", "-R", "u+rwX", "--", path], check=False, stderr=subprocess.DEVNULL)
    subprocess.run(["find", path, "-mindepth", "1", "-delete"], check=True)


def _restore_owner(descriptor: int, path: Path, before: os.stat_result) -> None:
    try:
        for parent, name, _ in _entries(descriptor):
            os.chown(name, before.st_uid, before.st_gid, dir_fd=parent, follow_symlinks=False)
    except _TooDeepError:
        empty(path)
    os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


def _entries(descriptor: int, depth: int = 0) -> Iterator[tuple[int, str, os.stat_result]]:
    """(descriptor of its folder, name, status) of everything below a folder, before what it contains."""
    if depth > MAX_DEPTH:
        raise _TooDeepError
    with os.scandir(descriptor) as entries:
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            yield descriptor, entry.name, status
            if stat.S_ISDIR(status.st_mode):
                try:
                    child = os.open(entry.name, _FOLDER, dir_fd=descriptor)
                except (FileNotFoundError, NotADirectoryError):
                    continue
                try:
                    yield from _entries(child, depth + 1)
                finally:
                    os.close(child)
