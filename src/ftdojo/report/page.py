"""What all pages share: the template environment, in which no string reaches a page uncleaned or unescaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ftdojo.report import text

LONGEST = 16_000
"""No string on a page has more characters than this."""


def environment() -> Environment:
    """Templates beside this file."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=_clean,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"cut": text.clean, "line": text.line}
    return made


def _clean(value: Any) -> Any:
    """Every value that a template prints passes here, before it is escaped. Markup was made by this package."""
    return text.clean(value, LONGEST) if isinstance(value, str) and not isinstance(value, Markup) else value
