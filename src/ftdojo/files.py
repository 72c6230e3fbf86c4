"""Files in folders that somebody else may have prepared: written by replacement, read without links that lead out.

A run, a task, a mirror or a model can come from a stranger. A link in such a folder can point at any file of whoever
opens it: writing through it would overwrite that file, reading through it would show it.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from ftdojo.errors import UsageError

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
"""The modes of what holds prompts, outputs or scores that only the owner of a run may see."""
BY_UMASK = 0o666
"""The mode of what is made to be handed on."""
HUB_FILES = "blobs"
"""In the cache of the Hugging Face hub, the files of ``NAME/snapshots/COMMIT`` are links into ``NAME/blobs``."""


def write_file(path: Path, content: str | bytes, *, mode: int = PRIVATE_FILE) -> None:
    """Write a whole file. All of ftdojo's files in a folder of a user are written here.

    The content goes into a new file of the same folder, which then takes the place of ``path``. So a link there is
    replaced, not followed, and a reader finds the old content or the new. Half a character (a lone surrogate), which
    UTF-8 cannot hold, is written as an escape, which JSON reads back as it was.
    """
    data = content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace")
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as stream:
            stream.write(data)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def open_log(path: Path, *, keep: bool) -> BinaryIO:
    """Open a private file that grows; ``keep`` says whether to keep what it holds. A link is replaced.

    The file is not replaced while it grows, so that its reader can follow it.
    """
    if path.is_symlink() or not keep:
        path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, PRIVATE_FILE), "ab")


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may enter, and its parents as usual. An existing folder keeps its mode."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def require_plain(
    folder: Path, *, files: Iterable[str] = (), folders: Iterable[str] = (), others: Iterable[str] = ()
) -> None:
    """Check entries of ``folder`` that exist: ``files`` are regular files, ``folders`` are folders without a link
    directly in them, ``others`` are folders with any content. A link is neither, wherever it leads.

    Raises:
        UsageError: that names the first one that is something else.
    """
    for name in files:
        if (mode := _mode(folder / name)) is not None and not stat.S_ISREG(mode):
            raise _not_plain(folder / name, "file")
    known = list(folders)
    for name in (*known, *others):
        if (mode := _mode(folder / name)) is not None and not stat.S_ISDIR(mode):
            raise _not_plain(folder / name, "folder")
    for name in known:
        for path in (folder / name).iterdir() if (folder / name).is_dir() else ():
            if path.is_symlink():
                raise _not_plain(path, "file or folder")


def require_inside(folder: Path, what: str, names: Iterable[str] | None = None) -> None:
    """Check that no link in ``folder`` leads out of it. ``folder`` itself may be a link: its user has named it.

    Links to the files of the same entry of a cache of the Hugging Face hub are no way out.

    Args:
        folder: the folder.
        what: what it is, for the message.
        names: the entries to check; everything below the folder if ``None``.

    Raises:
        UsageError: that names the first link that leads out.
    """
    root = folder.resolve()
    allowed = [root]
    if root.parent.name == "snapshots":
        allowed.append(root.parent.parent / HUB_FILES)
    for path in _links(root) if names is None else (root / name for name in names):
        target = path.resolve()
        if not any(target.is_relative_to(place) for place in allowed):
            raise UsageError(
                f"{what} {folder} contains a link that leads out of it: {path.relative_to(root)}",
                fix="put the file itself there, if you know that it belongs to it",
            )


def _links(root: Path) -> Iterable[Path]:
    """The links below a folder. Folders behind links are not entered."""
    for place, folders, files in os.walk(root):
        for name in sorted(folders + files):
            if (path := Path(place, name)).is_symlink():
                yield path


def _mode(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return None


def _not_plain(path: Path, expected: str) -> UsageError:
    return UsageError(
        f"{path} is not a {expected} but a link or something else that may lead elsewhere",
        fix="do not open it if you do not know why; ftdojo writes no such thing. Remove it, or use a copy without it",
    )
