"""The end of an untrusted program's output, made safe to show."""

from __future__ import annotations

import re
import unicodedata

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
"""Terminal control sequences: CSI, OSC and two-character ones (ECMA-48)."""
_REMOVED = {"Cc", "Cf", "Cs", "Co"}
"""Unicode categories that a terminal may act on: controls, bidirectional marks, surrogates, private use."""


class Tail:
    """Keeps the last ``limit`` bytes of a stream."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()

    def add(self, chunk: bytes) -> None:
        """Append the next bytes of the stream."""
        self._kept += chunk
        del self._kept[: -self._limit or len(self._kept)]

    def text(self) -> str:
        """The kept bytes as text, without control characters other than line feed and tab."""
        return clean(self._kept.decode("utf-8", errors="replace"))


def clean(text: str) -> str:
    """Remove terminal sequences and control characters from ``text``; a carriage return becomes a line feed."""
    lines = _ESCAPE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in lines if c in "\n\t" or unicodedata.category(c) not in _REMOVED)
