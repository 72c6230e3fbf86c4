"""Write docs/api.md, one section for each public name of ftdojo: python docs/generate_api.py

The names are those of ``ftdojo.__all__``; mkdocstrings fills in signatures and docstrings when the site is built. Run
it whenever a name is added or its definition moves; a test compares the file with what this prints.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import get_args

import ftdojo
from page_parts import write

INTRODUCTION = """# Python interface

Generated from `ftdojo.__all__` by `python docs/generate_api.py`; do not edit.

These names are public: they change only as [Compatibility](compatibility.md) says. Import them from `ftdojo`, for
example `from ftdojo import Dojo`. All other names may change at any time.
"""


def pages() -> dict[str, str]:
    """The page, under its name."""
    lines = [INTRODUCTION, *(line for name in sorted(ftdojo.__all__, key=str.lower) for line in _section(name))]
    return {"api.md": "\n".join(lines).rstrip() + "\n"}


def _section(name: str) -> Iterator[str]:
    found = getattr(ftdojo, name)
    yield f"## {name}\n"
    if inspect.isclass(found) or inspect.isfunction(found):
        yield f"::: {found.__module__}.{found.__qualname__}\n"
    else:
        yield f"{_kind(found)}\n"


def _kind(found: object) -> str:
    """What a name stands for that is neither a class nor a function."""
    if values := get_args(found):
        return f"One of {', '.join(f'`{value!r}`' for value in values)}."
    return f"A value of type `{type(found).__name__}`."


if __name__ == "__main__":
    write(pages())
