"""Task families are found by entry points; a broken one is named; without any, ftdojo shows how to install some."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ftdojo
from ftdojo import tasks
from ftdojo.contract.configuration import versions
from ftdojo.errors import PrerequisiteError
from ftdojo.sandbox import generators
from ftdojo.tasks import families

Run = Callable[..., subprocess.CompletedProcess[str]]

FAMILY = """
from ftdojo.tasks.folder import load_folder
from ftdojo.tasks.scaffold import new
import pathlib, tempfile

def tasks():
    return [load_folder(new("strange/task", pathlib.Path(tempfile.mkdtemp()) / "task"))]

def other():
    return ["no task"]

def twice():
    return [*tasks(), *tasks()]
"""
NOT_NEEDED = ("ftdojo_tasks", "rdkit", "rouge", "rouge_score", "math_verify", "vega_datasets", "datamol")


@pytest.fixture
def strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """``strangers("module:function")`` installs a distribution with this entry point."""

    def install(value: str) -> None:
        metadata = tmp_path / "strangers-1.0.dist-info"
        metadata.mkdir()
        (tmp_path / "strange_family.py").write_text(FAMILY)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: strangers\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[ftdojo.tasks]\nstrange = {value}\n")
        monkeypatch.syspath_prepend(tmp_path)
        forget()

    yield install
    monkeypatch.undo()
    sys.modules.pop("strange_family", None)
    forget()


def forget() -> None:
    for found in (families.tasks, generators.find_code, generators.find_projects, generators.find_modules):
        found.cache_clear()


def test_a_strangers_family_is_found(strangers: Callable[[str], None]) -> None:
    strangers("strange_family:tasks")
    assert {"strange/task", "chemistry/mol_und"} <= set(tasks.ids())
    assert tasks.get("strange/task").spec.domain == "strange"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("no_such_module:tasks", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("strange_family:missing", "AttributeError"),
        ("strange_family:FAMILY", "AttributeError"),
        ("strange_family:other", "returns str, not Task"),
        ("strange_family:twice", "strangers also has a task 'strange/task'"),
    ],
)
def test_a_broken_family_is_an_error_that_names_its_distribution(
    strangers: Callable[[str], None], value: str, why: str
) -> None:
    strangers(value)
    with pytest.raises(PrerequisiteError, match="the task family 'strange' of the distribution strangers") as error:
        tasks.ids()
    assert why in error.value.message
    assert "pip uninstall strangers" in error.value.fix


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """``bare(*arguments)`` runs Python where ftdojo is installed without families and their dependencies."""
    site = tmp_path_factory.mktemp("site")
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        name = path.name.lower().replace("-", "_")
        if not name.startswith(NOT_NEEDED) and path.suffix != ".pth":
            (site / path.name).symlink_to(path)
    search = os.pathsep.join([str(Path(ftdojo.__file__).parents[1]), str(site)])
    environment = {**os.environ, "PYTHONPATH": search, "PYTHONSAFEPATH": "1"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-S", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def test_without_families_ftdojo_says_how_to_install_them(bare: Run) -> None:
    done = bare("-m", "ftdojo", "tasks")
    assert (done.returncode, done.stderr) == (0, "")
    assert "`pip install ./packages/ftdojo-tasks`" in done.stdout
    assert bare("-m", "ftdojo", "tasks", "--json").stdout.strip() == "[]"
    unknown = bare("-m", "ftdojo", "task", "show", "chemistry/mol_und")
    assert unknown.returncode == 2
    assert "pip install ./packages/ftdojo-tasks" in " ".join(unknown.stderr.split())


def test_versions_are_those_of_what_is_installed(bare: Run) -> None:
    assert {"python", "ftdojo", "ftdojo-tasks", "torch", "rdkit"} <= versions().keys()
    found = bare("-c", "from ftdojo.contract.configuration import versions; print(*versions())").stdout.split()
    assert {"python", "ftdojo", "torch"} <= set(found)
    assert not {"ftdojo-tasks", "rdkit"} & set(found)


def test_without_families_a_folder_is_a_task(bare: Run, tmp_path: Path) -> None:
    assert bare("-m", "ftdojo", "task", "new", "mine", "--into", str(tmp_path)).returncode == 0
    done = bare("-m", "ftdojo", "task", "check", str(tmp_path / "mine"))
    assert done.returncode == 0, done.stderr


def test_no_module_of_ftdojo_needs_what_families_need(bare: Run) -> None:
    code = (
        "import importlib, pkgutil, ftdojo\n"
        "for found in pkgutil.walk_packages(ftdojo.__path__, 'ftdojo.'):\n"
        "    if found.name not in ('ftdojo.sandbox.absent', 'ftdojo.gateway.ftdojo_llm'):\n"
        "        importlib.import_module(found.name)\n"
    )
    done = bare("-c", code)
    assert done.returncode == 0, done.stderr[-2000:]
