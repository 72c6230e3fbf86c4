"""Translate errors of the disk into one clear error, at the boundary where they enter."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ftdojo.errors import FtdojoError, InfrastructureError, UsageError

LEAST_BYTES = 2**16
"""A disk with less room than this counts as full: a write may just have failed there."""
_FULL = {errno.ENOSPC, errno.EDQUOT}
_OTHER_KIND = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR}
_DENIED = {errno.EROFS, errno.EACCES, errno.EPERM}


@contextlib.contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Raise an :class:`InfrastructureError` that names ``place`` when it is full or closed to this user, or when a file
    would be larger than this process may write; a :class:`UsageError` when it is a folder where a file is written, or
    the other way round, or when there is no folder for the file."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _full(place) from error
        if error.errno in _DENIED:
            raise InfrastructureError(
                f"{error.filename or place} may not be used ({error.strerror})",
                fix="choose another folder with --out, or another cache with FTDOJO_HOME",
            ) from error
        if error.errno == errno.EFBIG:
            raise _too_large(place) from error
        if (reason := _unfit(place, error)) is not None:
            raise UsageError(reason, fix="name another place for what is written") from error
        raise
    except Exception as error:
        # Libraries not written in Python, such as safetensors, raise their own errors that quote the system.
        if os.strerror(errno.ENOSPC) in str(error) and not isinstance(error, FtdojoError):
            raise _full(place) from error
        if os.strerror(errno.EFBIG) in str(error) and not isinstance(error, FtdojoError):
            raise _too_large(place) from error
        raise


def require_room(place: Path) -> None:
    """Raise an :class:`InfrastructureError` if the disk that holds ``place`` is full.

    For a program that has failed: its own error may come from the disk, and is not its fault then.
    """
    about = os.statvfs(place)
    if about.f_bavail * about.f_frsize < LEAST_BYTES:
        raise _full(place)


def _unfit(place: Path, error: OSError) -> str | None:
    """Return why nothing can be written at ``place``, as far as its user can have named it wrongly."""
    existing = next(path for path in (place, *place.absolute().parents) if path.exists())
    if error.errno in _OTHER_KIND and not existing.is_dir():
        return f"{existing} is a file, not a folder"
    if error.errno == errno.EISDIR and existing == place:
        return f"{place} is a folder, not a file"
    if error.errno == errno.ENOENT and not place.parent.exists():
        return f"there is no folder {place.parent}"
    return None


def _too_large(place: Path) -> InfrastructureError:
    return InfrastructureError(
        f"a file below {place} would be larger than this process may write",
        fix="raise the limit (`ulimit -f unlimited`), then run the same command again: finished stages are kept",
    )


def _full(place: Path) -> InfrastructureError:
    return InfrastructureError(
        f"no space left on the disk that holds {place} ({_free(place)} free)",
        fix="free some space, then run the same command again: finished stages are kept",
    )


def _free(place: Path) -> str:
    existing = next(p for p in (place, *place.parents) if p.exists())
    return f"{shutil.disk_usage(existing).free / 2**20:,.0f} MiB"
