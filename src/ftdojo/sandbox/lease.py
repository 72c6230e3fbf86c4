"""Root only: a real unprivileged uid, and a folder for mount points, that no other running sandbox has."""

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

from ftdojo.errors import InfrastructureError
from ftdojo.sandbox.view import Bind

UIDS = range(61000, 61184)
"""Above the uids of people (60000 and below), below those that systemd gives to services (61184 and above)."""
PLACE = Path("/run/ftdojo-sandbox")


@dataclass(frozen=True, slots=True)
class Lease:
    """A uid and an empty folder that this uid may pass through but not list or write."""

    uid: int
    folder: Path

    def stage(self, binds: Sequence[Bind]) -> tuple[list[Bind], list[tuple[Path, Path]]]:
        """``binds`` with sources that the uid can reach, and the (source, place) mounts that this takes."""
        places = [_mount_point(self.folder / str(number), bind.source) for number, bind in enumerate(binds)]
        moved = [dataclasses.replace(bind, source=place) for bind, place in zip(binds, places, strict=True)]
        return moved, [(bind.source, place) for bind, place in zip(binds, places, strict=True)]


@contextlib.contextmanager
def lease() -> Iterator[Lease]:
    """The first free uid, for the duration of the block. One uid a sandbox, as the kernel counts processes by uid.

    Raises:
        InfrastructureError: if every uid is in use.
    """
    PLACE.mkdir(mode=0o711, exist_ok=True)
    PLACE.chmod(0o711)
    for uid in UIDS:
        if _belongs_to_somebody(uid):
            continue
        lock = os.open(PLACE / f"{uid}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            folder = PLACE / str(uid)
            shutil.rmtree(folder, ignore_errors=True)  # what a killed run left: empty mount points
            folder.mkdir(mode=0o711)
            folder.chmod(0o711)
            yield Lease(uid, folder)
            return
        finally:
            os.close(lock)
    raise InfrastructureError(f"all {len(UIDS)} uids for sandboxes are in use", fix="wait until other runs have ended")


def _belongs_to_somebody(uid: int) -> bool:
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
