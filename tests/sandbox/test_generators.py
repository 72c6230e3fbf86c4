"""Code that can make test items is masked, in every way in which it can be installed."""

from __future__ import annotations

import compileall
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ftdojo.sandbox import generators
from ftdojo.tasks import families
from sandbox_fixtures import Execute

Install = Callable[..., Path]

SECRET = "the items of the test"
CODE = f"SECRET = {SECRET!r}\ndef tasks(): return ()\n"
READ_ALL = f"""
import importlib, os
for folder, _, files in os.walk("/site"):
    for file in files:
        if {SECRET!r}.encode() in open(os.path.join(folder, file), "rb").read():
            print("readable:", os.path.join(folder, file))
try:
    print("imported:", importlib.import_module("strangers").__file__)
except Exception as error:
    print(type(error).__name__)
import honest
print(honest.__name__)
"""


def package(site: Path) -> list[str]:
    """A wheel that was unpacked: a package, and a file outside the folder of packages."""
    (site / "lib/strangers").mkdir(parents=True)
    (site / "lib/strangers/__init__.py").write_text(CODE)
    (site / "share").mkdir()
    (site / "share/items.json").write_text(SECRET)
    return ["strangers/__init__.py", "../share/items.json"]


def module(site: Path) -> list[str]:
    """A single file with its bytecode, which the record does not name."""
    (site / "lib/strangers.py").write_text(CODE)
    compileall.compile_file(site / "lib/strangers.py", quiet=1)
    assert list((site / "lib/__pycache__").glob("strangers.*"))
    return ["strangers.py"]


def namespace(site: Path) -> list[str]:
    """A package without ``__init__``."""
    (site / "lib/strangers/tasks").mkdir(parents=True)
    (site / "lib/strangers/tasks/__init__.py").write_text(CODE)
    return ["strangers/tasks/__init__.py"]


def archive(site: Path) -> list[str]:
    """Importable from a zip file."""
    with zipfile.ZipFile(site / "strangers.zip", "w") as packed:
        packed.writestr("strangers.py", CODE)
    return []


def editable(site: Path) -> list[str]:
    """A project below the Python environment, as pip checks it out, with more in it than the package."""
    for name in ("src/project/strangers/__init__.py", "src/project/build/strangers.py", "src/project/tests/test_it.py"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(CODE)
    (site / "lib/strangers.pth").write_text(f"{site}/src/project\n# {SECRET}\n")
    return ["strangers.pth"]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """``install(kind, module)`` puts a distribution with a task family into a new folder and on the path."""

    def made(kind: Callable[[Path], list[str]], name: str) -> Path:
        site = tmp_path / "site"
        metadata = site / "lib/strangers-1.0.dist-info"
        metadata.mkdir(parents=True)
        (site / "lib/honest.py").write_text("")
        files = [*kind(site), *(f"{metadata.name}/{file}" for file in ("METADATA", "entry_points.txt", "RECORD"))]
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: strangers\nVersion: 1.0\n\n{SECRET}\n")
        (metadata / "entry_points.txt").write_text(f"[ftdojo.tasks]\nstrange = {name}:tasks\n")
        if kind is editable:
            url = {"url": (site / "src/project").as_uri(), "dir_info": {"editable": True}}
            (metadata / "direct_url.json").write_text(json.dumps(url))
        (metadata / "RECORD").write_text("".join(f"{file},,\n" for file in files))
        for place in (site / "src/project", site / "strangers.zip", site / "lib"):
            if place.exists():
                monkeypatch.syspath_prepend(place)
        _forget()
        return site

    yield made
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    for found in (generators.find_code, generators.find_projects, generators.find_modules, families.tasks):
        found.cache_clear()


@pytest.mark.parametrize("kind", [package, module, namespace, archive, editable], ids=lambda kind: kind.__name__)
def test_a_family_cannot_be_read_or_imported(
    kind: Callable[[Path], list[str]], install: Install, execute: Execute
) -> None:
    site = install(kind, "strangers.tasks" if kind is namespace else "strangers")
    path = ":".join(f"/site/{name}" for name in ("lib", "strangers.zip", "src/project"))
    completed = execute(READ_ALL, options={"read_only": {site: "/site"}, "environment": {"PYTHONPATH": path}})
    lines = completed.output.splitlines()
    assert [line for line in lines if line.startswith(("readable:", "imported:"))] == [], completed.output
    assert lines[-1] == "honest"


def test_without_the_masks_it_could(execute: Execute, tmp_path: Path) -> None:
    package(tmp_path / "site")
    (tmp_path / "site/lib/honest.py").write_text("")
    options = {"read_only": {tmp_path / "site": "/site"}, "environment": {"PYTHONPATH": "/site/lib"}}
    output = execute(READ_ALL, options=options).output
    assert "readable: /site/share/items.json" in output
    assert "imported: /site/lib/strangers/__init__.py" in output


def test_metadata_of_other_distributions_can_be_read(install: Install, execute: Execute) -> None:
    site = install(package, "strangers")
    code = """
from importlib import metadata
assert metadata.version("pandas")
assert metadata.entry_points(group="ftdojo.tasks") == ()
metadata.packages_distributions()
print("read")
"""
    options = {"read_only": {site: "/site"}, "environment": {"PYTHONPATH": "/site/lib"}}
    assert execute(code, options=options).output == "read\n"


def test_the_names_of_hidden_modules(install: Install) -> None:
    install(package, "strangers.tasks.all")
    assert {"ftdojo", "ftdojo_tasks", "strangers"} <= generators.find_modules()


def test_what_holds_the_running_python_is_not_hidden_with_the_project_that_it_lies_in(tmp_path: Path) -> None:
    for name in ("project/src/package", "project/.venv/lib", "project/.git", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "project/items.json").write_text(SECRET)
    (tmp_path / "project/link").symlink_to(tmp_path / "elsewhere")
    found = generators.list_except(tmp_path / "project", {tmp_path / "project/.venv"})
    assert {path.relative_to(tmp_path).as_posix() for path in found} == {
        "project/src",
        "project/.git",
        "project/items.json",
    }
