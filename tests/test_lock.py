"""``uv sync`` installs what ``make install`` does: the lock file follows ``pyproject.toml`` and ``constraints.txt``."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from ftdojo.cli.setup import PACKAGES

ROOT = Path(__file__).parents[1]
OTHER_VERSIONS = set("dataproperty fsspec pillow pyarrow pytablewriter python-dateutil tabledata typepy".split())
"""Held back by extras that ``make install`` leaves out, such as mlflow: a lock file has one version for all extras."""


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / name).read_text("utf-8"))


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_lock_file_has_the_requirements_of_the_project() -> None:
    project, packages = read("pyproject.toml")["project"], read("uv.lock")["package"]
    stated = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    asked = {(normalized(r.name), r.specifier) for r in map(Requirement, stated)}
    (ours,) = (package for package in packages if package["name"] == "ftdojo")
    locked = {(entry["name"], SpecifierSet(entry.get("specifier", ""))) for entry in ours["metadata"]["requires-dist"]}
    assert locked == asked


def test_the_lock_file_pins_the_versions_of_the_constraints() -> None:
    locked: dict[str, set[str]] = {}
    for package in read("uv.lock")["package"]:
        locked.setdefault(package["name"], set()).add(package.get("version", ""))
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = dict(re.findall(r"^([\w.-]+)==([^\s;#]+)", "\n".join(lines), re.MULTILINE))
    different = {n for n, version in pins.items() if normalized(n) in locked and version not in locked[normalized(n)]}
    assert {normalized(name) for name in different} == OTHER_VERSIONS


def test_uv_sync_brings_what_setup_fetches() -> None:
    group = read("pyproject.toml")["dependency-groups"]["complete"]
    assert group == ["ftdojo-tasks", *(package for package, _ in PACKAGES.values())]
    packages = {package["name"]: package for package in read("uv.lock")["package"]}
    assert not any("dependencies" in packages[requirement.partition("==")[0]] for requirement in group[1:])
