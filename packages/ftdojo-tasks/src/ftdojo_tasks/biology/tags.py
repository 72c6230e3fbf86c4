"""Common parts of the four tasks: answers between tags, refused items, names of errors in outputs."""

from __future__ import annotations

from ftdojo.tasks.spec import HubSet

START, END = "[ANSWER_START]", "[ANSWER_END]"
BIOPROBENCH = HubSet(
    id="bowenxian/BioProBench",
    revision="main",
    licence="CC BY 4.0 by its card, CC BY-NC 4.0 by the authors' repository",
)
LICENCE = "BioProBench: CC BY-NC 4.0; the twin: MIT"


def wrap(answer: str) -> str:
    """An answer in the form asked for."""
    return f"{START}{answer}{END}"


def after(text: str, *marks: str) -> str:
    """The text after the last occurrence of each mark in turn; marks that do not occur are ignored."""
    for mark in marks:
        text = text.rpartition(mark)[2]
    return text


def first(text: str) -> str | None:
    """The text between the first start tag and the end tag after it, stripped; ``None`` without such a pair."""
    _, found, rest = text.partition(START)
    inside, closed, _ = rest.partition(END)
    return inside.strip() if found and closed else None


def last(text: str) -> str | None:
    """The text between the last start tag that is closed and the end tag after it, stripped; ``None`` without such a
    pair."""
    head, closed, _ = text.rpartition(END)
    head, found, inside = (head + closed).rpartition(START)
    return inside.partition(END)[0].strip() if found and closed else None
