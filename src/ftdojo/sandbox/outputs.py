"""Read what a sandboxed program wrote. Its folder is hostile: links, fifos and devices are refused, sizes bounded."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ftdojo.errors import InputError
from ftdojo.findings import Finding


def read_output(folder: Path, name: str, max_bytes: int) -> bytes:
    """The content of the regular file ``name`` directly in ``folder``.

    Raises:
        InputError: ``output_missing``, ``output_not_regular`` or ``output_too_large`` (gate 2).
    """
    try:
        # Without O_NONBLOCK, opening a fifo would wait for a writer that never comes.
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise _fault("output_missing", "the program did not write its --output file", "write it") from None
    except OSError as error:
        raise _fault(
            "output_not_regular", f"the output cannot be opened: {error.strerror}", "write a plain file"
        ) from None
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise _fault("output_not_regular", "the output is not a plain file", "write a plain file")
        if status.st_size > max_bytes:
            raise _fault(
                "output_too_large", f"the output has {status.st_size} bytes, at most {max_bytes}", "write less"
            )
        return stream.read(max_bytes)


def _fault(code: str, message: str, fix: str) -> InputError:
    return InputError([Finding(code=code, gate=2, message=message, where="data program", fix=fix)])
