"""Shared by the tests of the families: hostile outputs, a runner, and every twin, built once a session."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from ftdojo import digest
from ftdojo.tasks import registry
from ftdojo.tasks.spec import Task
from ftdojo_tasks import golden
from ftdojo_tasks.golden.file import update
from ftdojo_tasks.golden.measure import files
from scoring_fixtures import cpu_seconds, hostile, runner

__all__ = ["cpu_seconds", "hostile", "runner"]

BUILD = """
import json, pathlib, sys
from ftdojo.tasks import get
get(sys.argv[1]).variants["twin"].build(pathlib.Path(sys.argv[2]), {})
pathlib.Path(sys.argv[3]).write_text(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


@pytest.fixture(scope="session")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``twins(id)``: the folder of a task's generated data, which is shared by all tests and not to be changed.

    It is built once a session (processes of one session share it), in a process with another hash seed and no
    environment. The names of the modules that this process imported are in ``modules.json`` next to the folder.
    """
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "twins"

    def twin(name: str) -> Path:
        task = place / name.replace("/", "__")
        folder, modules = task / "data", task / "modules.json"
        task.mkdir(parents=True, exist_ok=True)
        with FileLock(task / "lock"):
            if not modules.is_file():
                folder.mkdir()
                command = [sys.executable, "-c", BUILD, name, str(folder), str(modules)]
                environment = {"PYTHONHASHSEED": "12345", "PYTHONUTF8": "1"}
                subprocess.run(command, check=True, env=environment, capture_output=True)
        return folder

    return twin


@pytest.fixture(scope="session")
def modules_of_twin(twins: Callable[[str], Path]) -> Callable[[str], set[str]]:
    """``modules_of_twin(id)``: the top-level modules that were imported to generate the data of a task."""

    def modules(name: str) -> set[str]:
        return set(json.loads((twins(name).parent / "modules.json").read_text("utf-8")))

    return modules


@pytest.fixture
def same_as_golden() -> Callable[[str, Path], None]:
    """``same_as_golden(id, folder)``: what a builder made of a mirror is what the task's golden file says.

    With ``$FTDOJO_WRITE_GOLDEN`` set, the golden file is written first.
    """

    def check(name: str, folder: Path) -> None:
        family, made = f"ftdojo_tasks.{name.partition('/')[0]}", digest.of_value(files(folder))
        if os.environ.get("FTDOJO_WRITE_GOLDEN"):
            update(family, name, hub=made)
        assert golden.read(family)[name].hub == made, "if the change is meant, set FTDOJO_WRITE_GOLDEN=1"

    return check


@pytest.fixture(scope="session")
def mol_und(twins: Callable[[str], Path]) -> tuple[Task, Path]:
    """The task and the folder of its generated data."""
    return registry.get("chemistry/mol_und"), twins("chemistry/mol_und")
