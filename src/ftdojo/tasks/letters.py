"""The letter that an output chooses: ``B``, ``(b)``, ``The answer is B.``, and not the article *a* or the pronoun *I*.

A letter counts where an answer stands. Looked for, in this order: the whole text, with or without marks around one
letter; the letter behind *answer*, then behind *choice* or *option*; the first capital letter that is a word of its
own."""

from __future__ import annotations

import re
from collections.abc import Collection

ALONE = re.compile(r"[^A-Za-z0-9]{0,9}([A-Za-z])[^A-Za-z0-9]{0,9}", re.ASCII)
_BETWEEN = r"(?:\s+(?:is|was|are|would\s+be|should\s+be))?[\s\"'*:=({\[]{0,9}"
_LETTER = r"([A-Z](?![A-Za-z0-9'’]|\s+[a-z]+\s+(?:is|are)\b)|[a-z](?=[\s\"'*)}\]]{0,3}(?:[.,;:!?)]|$)))"
ANNOUNCED = tuple(
    re.compile(rf"\b(?i:{word})\b{_BETWEEN}{_LETTER}", re.ASCII | re.MULTILINE)
    for word in ("answer", "choice|choose|option")
)
"""A letter behind a word that announces it; in lower case only before a mark or the end of a line."""
WORD = re.compile(
    r"(?<![A-Za-z0-9'’])(?:[B-HJ-Z]|[AI](?!['’]|\s+(?!(?:is|because|since|as|and|or)\b)[a-z]))(?![A-Za-z0-9])", re.ASCII
)
"""A capital letter that is a word of its own, and not the word *A* or *I* of a sentence."""


def find_letter(text: str, letters: Collection[str]) -> str | None:
    """Return the letter of ``letters`` (capitals) that ``text`` chooses, or ``None``. Linear in the text's length."""
    text = text.strip()
    if match := ALONE.fullmatch(text):
        return match[1].upper() if match[1].upper() in letters else None
    for pattern in (*ANNOUNCED, WORD):
        for match in pattern.finditer(text):
            found = match[match.re.groups].upper()
            if found in letters:
                return found
    return None
