"""Carry out a recipe, and read raw files and templates as a recipe does.

The folder of this package is copied into the sandbox and started there on its own, so it imports nothing of ftdojo:
standard library and Jinja2 only, PyArrow for Parquet and Arrow, openpyxl for Excel. Outside of the sandbox the same
:mod:`files <ftdojo.contract.recipe_program.files>` and :mod:`templates <ftdojo.contract.recipe_program.templates>`
serve the profile, the check of a task and its evaluation items: what one of them reads, all of them read.

python -m recipe_program --recipe recipe.json --input DIR --output FILE.jsonl --limit N
"""

from __future__ import annotations

from .mixture import BLANK, balanced, from_json, mix, render, sample, shares
from .sampling import OF_SAMPLES, SAMPLED

VERSION = 2
"""Increase it when the same recipe and raw data give other rows."""
MARK = "recipe: "
"""Begins the last line that the program prints: a JSON object with ``passed_over`` (reason -> number of raw rows) and
``sampled`` (how samples were judged, or null)."""
USUAL = frozenset({BLANK}) | OF_SAMPLES
"""Reasons that follow from what a recipe asks for."""

__all__ = [
    "BLANK",
    "MARK",
    "OF_SAMPLES",
    "SAMPLED",
    "USUAL",
    "VERSION",
    "balanced",
    "from_json",
    "mix",
    "render",
    "sample",
    "shares",
]
