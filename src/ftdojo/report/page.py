"""The template environment of all pages. Every string is cleaned and escaped before it reaches a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ftdojo.plain import plural
from ftdojo.report import text

LONGEST = 16_000
"""Maximum number of characters of a string on a page."""


def environment(*folders: Path) -> Environment:
    """Return the environment that loads the templates of ``folders``, and those next to this file."""
    made = Environment(
        loader=FileSystemLoader([*folders, Path(__file__).parent]),
        autoescape=True,
        finalize=_clean,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"cut": text.clean, "line": text.line, "plural": plural}
    return made


def _clean(value: Any) -> Any:
    """Clean a value that a template prints, before it is escaped. Markup is made by this package only."""
    return text.clean(value, LONGEST) if isinstance(value, str) and not isinstance(value, Markup) else value
