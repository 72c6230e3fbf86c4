"""Content digests: the identity of values and folders. Equal content, equal digest, on any machine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

LENGTH = 32
"""Hexadecimal digits kept: 128 bits, enough to make collisions practically impossible."""


def of_value(value: Any) -> str:
    """Return the digest of a JSON value, independent of the order of keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:LENGTH]


def of_file(path: Path) -> str:
    """Return the digest of a file's bytes, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:LENGTH]


def of_folder(path: Path) -> str:
    """Return the digest of all regular files below a folder: relative names and contents."""
    files = sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink())
    return of_value([[p.relative_to(path).as_posix(), of_file(p)] for p in files])
