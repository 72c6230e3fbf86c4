"""Text for people: without characters that act on a terminal or that no file can hold; nouns in the right number."""

from __future__ import annotations

import re

# ECMA-48: control sequences, operating system commands, two-character escapes.
_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
# C0 and C1 controls but tab and line feed, bidirectional embeddings, overrides and isolates, lone surrogates.
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def remove_controls(text: str) -> str:
    """Return ``text`` without terminal sequences; other active characters are shown as U+FFFD."""
    return _ACTING.sub("\ufffd", _TERMINAL.sub("", text.replace("\r\n", "\n")))


def escape_controls(document: str) -> str:
    """Return a JSON document in which active characters are escaped: its values stay the same."""
    return _ACTING.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def replace_surrogates(text: str) -> str:
    """Return ``text`` with a question mark for each half character (a lone surrogate), which UTF-8 cannot encode."""
    return text.encode("utf-8", "replace").decode("utf-8")


def plural(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 row``, ``2 rows``, ``1,200 rows``; also ``2 classes`` and ``2 entries``."""
    if number == 1:
        return f"1 {noun}"
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{number:,} {noun}es"
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{number:,} {noun[:-1]}ies"
    return f"{number:,} {noun}s"
