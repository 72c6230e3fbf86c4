"""The written pages: their width, their place in the site, and what they repeat from elsewhere."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WRITTEN_BY_A_RUN = {ROOT / "docs/twin-contest/leaderboard.md"}
PAGES = sorted(
    {*ROOT.glob("*.md"), *(ROOT / ".github").rglob("*.md"), *(ROOT / "docs").rglob("*.md")} - WRITTEN_BY_A_RUN
)


def prose(text: str) -> Iterator[tuple[int, str]]:
    """The numbered lines that are neither of a table nor of code."""
    code = False
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(r"\s*```", line):
            code = not code
        elif not code and not line.startswith(("|", "    ")):
            yield number, line


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_prose_ends_at_column_120(page: Path) -> None:
    assert [number for number, line in prose(page.read_text("utf-8")) if len(line) > 120] == []


def test_every_page_is_in_the_navigation() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
    assert set(_leaves(site["nav"])) == pages


def _leaves(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    else:
        for child in nav.values() if isinstance(nav, dict) else nav:
            yield from _leaves(child)


def test_the_citation_has_the_version_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == project["version"]


def test_the_workflows_test_every_version_of_python_that_the_package_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = {c.rpartition(" :: ")[2] for c in project["classifiers"] if re.search(r":: 3\.\d+$", c)}
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))["jobs"]
    assert set(jobs["test"]["strategy"]["matrix"]["python"]) == named
    assert jobs["test"]["steps"][-1]["run"] == "bash .ci/run"
