"""The programs in a submission: their names, and how their text is read."""

from __future__ import annotations

from pathlib import Path

from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.schema import NotRegularError, read_regular

SCRIPT, TRAIN_SCRIPT = "process_data.py", "train.py"
"""The data program, and the training program of ``method: program``."""
MAX_SCRIPT_BYTES = 256 * 1024


def read_script(path: Path) -> str:
    """Return the text of a program; a link is not followed.

    Raises:
        InputError: with one finding (``missing_file``, ``too_large``, ``unreadable``, gate 0).
    """

    def fault(code: str, message: str, fix: str) -> InputError:
        return InputError([Finding(code=code, gate=0, message=message, where=path.name, fix=fix)])

    try:
        content = read_regular(path, MAX_SCRIPT_BYTES + 1)
    except FileNotFoundError:
        raise fault("missing_file", "the file does not exist", f"write {path.name}") from None
    except NotRegularError:
        raise fault("unreadable", "is not a regular file", "write the program itself, not a link") from None
    if len(content) > MAX_SCRIPT_BYTES:
        message = f"is larger than {MAX_SCRIPT_BYTES // 1024} KiB"
        raise fault("too_large", message, "keep data out of the program")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise fault("unreadable", f"is not UTF-8: byte {error.start}", "save it as UTF-8") from None
