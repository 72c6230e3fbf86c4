"""The page of ``ftdojo compare --html``."""

from __future__ import annotations

from pathlib import Path

from ftdojo.audit.comparison import Comparison
from ftdojo.disk import disk_errors
from ftdojo.files import write_file
from ftdojo.report.page import environment

MOST_FLIPS = 500
"""Changed items of one system that the page shows."""


def write_comparison(path: Path, found: Comparison) -> None:
    """Write a comparison as one page without scripts or links.

    Raises:
        InfrastructureError: if it cannot be written.
    """
    with disk_errors(path):
        write_file(path, render_comparison(found))


def render_comparison(found: Comparison) -> str:
    """Return a comparison as one page without scripts or links."""
    return environment().get_template("comparison.html.jinja").render(found=found, most=MOST_FLIPS)
