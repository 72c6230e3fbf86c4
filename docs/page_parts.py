"""Markdown pieces that the generators of pages share."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

DOCS = Path(__file__).parent
WIDTH = 120
"""Columns of a line of prose. Rows of tables and lines of code are as long as they are."""


def prose(text: str, *, first: str = "", others: str = "") -> str:
    """One paragraph, wrapped, with what its first and its other lines begin with.

    reStructuredText's ``code`` becomes Markdown's `code`.
    """
    return textwrap.fill(
        _inline(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def bullet(text: str) -> str:
    """An item of a list, wrapped."""
    return prose(text, first="- ", others="  ")


def literal(text: str) -> str:
    """Text in which square brackets are no links."""
    return text.replace("[", "\\[")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """The lines of a table."""
    names = list(head)
    yield _row(names)
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield _row(map(_cell, row))


def write(pages: Mapping[str, str]) -> None:
    """Write pages, each under its path below ``docs``."""
    for name, text in pages.items():
        path = DOCS / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return _inline(text).replace("|", "\\|")


def _inline(text: str) -> str:
    return re.sub(r"``(.+?)``", r"`\1`", " ".join(text.split()))
