"""``uv sync`` installs what ``make install`` does."""

from __future__ import annotations

import tomllib
from pathlib import Path

from ftdojo.cli.setup import PACKAGES

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))


def test_uv_sync_brings_what_setup_fetches_and_nothing_that_these_packages_require() -> None:
    fetched = [package for package, _ in PACKAGES.values()]
    assert PROJECT["tool"]["uv"]["default-groups"] == ["complete"]
    assert PROJECT["dependency-groups"]["complete"] == ["ftdojo-tasks", *fetched]
    stated = {f"{m['name']}=={m['version']}": m["requires-dist"] for m in PROJECT["tool"]["uv"]["dependency-metadata"]}
    assert stated == {package: [] for package in fetched}
