"""Root only: a real unprivileged uid and a folder for mount points, exclusive to one running sandbox."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import pwd
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftdojo.errors import InfrastructureError, PrerequisiteError
from ftdojo.sandbox.view import Bind, Entry

UIDS = range(61000, 61184)
"""Above the uids of human users (60000 and below), below those that systemd assigns to services (from 61184)."""
PLACE = Path("/run/ftdojo-sandbox")


@dataclass(frozen=True, slots=True)
class Lease:
    """A uid and an empty folder that this uid may pass through but not list or write."""

    uid: int
    folder: Path

    def stage(self, entries: Sequence[Entry]) -> tuple[list[Entry], list[tuple[Path, Path]]]:
        """Return ``entries`` with sources that the uid can reach, and the (source, place) mounts needed for that."""
        moved: list[Entry] = []
        mounts: list[tuple[Path, Path]] = []
        for number, entry in enumerate(entries):
            if isinstance(entry, Bind):
                place = _mount_point(self.folder / str(number), entry.source)
                mounts.append((entry.source, place))
                moved.append(dataclasses.replace(entry, source=place))
            else:
                moved.append(entry)
        return moved, mounts


@contextlib.contextmanager
def lease() -> Iterator[Lease]:
    """Lease the first free uid for the duration of the block. Each sandbox has its own, as the kernel counts by uid.

    Raises:
        PrerequisiteError: if the folder for it cannot be made.
        InfrastructureError: if every uid is in use.
    """
    try:
        PLACE.mkdir(exist_ok=True)
        PLACE.chmod(0o711)
    except OSError as error:
        raise PrerequisiteError(
            f"{PLACE} cannot be made: {error.strerror}", fix="make /run writable for root"
        ) from None
    for uid in UIDS:
        if _is_in_use(uid):
            continue
        lock = os.open(PLACE / f"{uid}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            folder = PLACE / str(uid)
            shutil.rmtree(folder, ignore_errors=True)  # left by a killed run: empty mount points
            folder.mkdir(mode=0o711)
            folder.chmod(0o711)
            yield Lease(uid, folder)
            return
        finally:
            os.close(lock)
    raise InfrastructureError(f"all {len(UIDS)} uids for sandboxes are in use", fix="wait until other runs have ended")


def _is_in_use(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _mount_point(place: Path, source: Path) -> Path:
    if source.is_dir():
        place.mkdir()
    else:
        place.touch()
    return place
