"""Read the output of a sandboxed program, which may be anything instead of the expected file."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from ftdojo.errors import InputError
from ftdojo.findings import Finding

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


def read_output(folder: Path, name: str, max_bytes: int) -> bytes:
    """Read the regular file ``name`` directly in ``folder``. Links are not followed; a fifo does not block.

    Raises:
        InputError: with the finding ``output_missing``, ``output_not_regular``, ``output_unreadable`` or
            ``output_too_large`` (gate 2).
        ValueError: if ``name`` is a path.
    """
    if name in {"", ".", ".."} or "/" in name:
        raise ValueError(f"{name!r} is not the name of a file")
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        descriptor = _open(name, directory)
    finally:
        os.close(directory)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _not_regular(name)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(max_bytes + 1)
    finally:
        os.close(descriptor)
    if len(content) > max_bytes:
        raise _fault(
            "output_too_large", name, f"is larger than {max_bytes} bytes", "write only the rows that are needed"
        )
    return content


def _open(name: str, directory: int) -> int:
    try:
        return os.open(name, _FLAGS, dir_fd=directory)
    except FileNotFoundError:
        raise _fault("output_missing", name, "was not written", "write the file named by --output") from None
    except PermissionError:
        raise _fault("output_unreadable", name, "cannot be read", "do not change the modes of written files") from None
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:  # a symbolic link; a socket
            raise _not_regular(name) from None
        raise


def _not_regular(name: str) -> InputError:
    return _fault("output_not_regular", name, "is a folder, link, pipe, socket or device", "write a regular file")


def _fault(code: str, name: str, message: str, fix: str) -> InputError:
    return InputError([Finding(code=code, gate=2, message=message, where=name, fix=fix)])
