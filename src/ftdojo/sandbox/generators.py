"""Locate the code that can generate test items: ftdojo, and every distribution that contains a task family.

Twin tasks are generated from code, so a program that could read or import that code could generate the test items. This
finds the code for every way of installation: the package that an entry point names, wherever it is imported from; the
files of its distribution in ``site-packages``, including metadata and ``.pth`` file; and the folder that it was
installed from (an editable install may have it below the Python environment, which the sandbox shows).

Imports of a family from distributions that declare no family are not hidden.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Set
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ftdojo.tasks import families

PACKAGE = Path(__file__).parents[1]


@cache
def find_code() -> tuple[Path, ...]:
    """Find the installed packages, modules and other files: existing resolved paths, which may contain each other."""
    found = {PACKAGE.resolve()}
    for entry in families.installed():
        found.update(_module(entry.module))
        if entry.dist is not None:
            found.update(_files(entry.dist))
    return tuple(sorted(found))


@cache
def find_projects() -> tuple[Path, ...]:
    """Find the folders that the distributions were installed from, without the parts that hold the running Python."""
    distributions = [_own(), *(entry.dist for entry in families.installed())]
    kept = {Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix)}
    folders = {folder for dist in distributions if dist is not None for folder in _project(dist)}
    return tuple(sorted(path for folder in folders for path in list_except(folder, kept)))


@cache
def find_modules() -> frozenset[str]:
    """Find the names of the top-level modules that the sandbox hides."""
    return frozenset({"ftdojo", *(_top(entry.module) for entry in families.installed())})


def is_importable(folder: Path) -> bool:
    """Whether an empty folder of this name would still be imported, as a namespace."""
    return folder.name.isidentifier()


def _own() -> Distribution | None:
    try:
        return distribution("ftdojo")
    except PackageNotFoundError:  # run from a folder on PYTHONPATH
        return None


def _top(name: str) -> str:
    return name.partition(".")[0]


def _module(name: str) -> Iterator[Path]:
    """The top-level package or module of ``name``, found without importing it."""
    try:
        spec = find_spec(_top(name))
    except (ImportError, ValueError):
        return
    if spec is None:
        return
    for place in [*(spec.submodule_search_locations or ()), spec.origin or ""]:
        path = Path(place).resolve()
        archive = next((parent for parent in path.parents if parent.is_file()), None)
        if archive is not None:
            yield archive
        elif place and path.exists() and path.name != "__init__.py":
            yield path
            yield from _compiled(path)


def _files(dist: Distribution) -> Iterator[Path]:
    """The installed files of a distribution: its top-level folders and files, and each file that is elsewhere."""
    for file in dist.files or ():
        nested = len(file.parts) > 1 and file.parts[0] not in ("..", "__pycache__", "/")
        path = Path(str(dist.locate_file(file.parts[0] if nested else file))).resolve()
        if path.exists():
            yield path
            yield from _compiled(path)


def _compiled(path: Path) -> Iterator[Path]:
    """The cached bytecode files of a module that is a single file."""
    if path.suffix == ".py":
        yield from (path.parent / "__pycache__").glob(f"{path.stem}.*")


def _project(dist: Distribution) -> Iterator[Path]:
    """The local folder that a distribution was installed from, if there is one."""
    url = urlsplit(json.loads(dist.read_text("direct_url.json") or "{}").get("url", ""))
    if url.scheme == "file":
        yield Path(url2pathname(url.path)).resolve()


def list_except(place: Path, kept: Set[Path]) -> Iterator[Path]:
    """Yield ``place``; if it contains one of ``kept``, yield its content without those instead."""
    if place in kept:
        return
    if not any(place in path.parents for path in kept):
        if place.exists():
            yield place
        return
    for child in place.iterdir():
        if not child.is_symlink():  # its target is elsewhere
            yield from list_except(child, kept)
