"""Finding the processes that a test has started."""

from __future__ import annotations

import contextlib

import psutil


def children(part: str, *, recursive: bool = False) -> list[psutil.Process]:
    """The processes below this one that have not ended and whose command line has the text, the oldest first."""
    found = []
    for one in psutil.Process().children(recursive=recursive):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended, and nobody has waited for it yet
            if part in " ".join(one.cmdline()):
                found.append(one)
    return found
