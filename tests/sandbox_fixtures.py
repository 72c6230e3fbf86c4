"""Shared by the tests that run small programs in a sandbox: the sandbox, and eyes on the host to see what is left."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from ftdojo import sandbox

Execute = Callable[..., sandbox.Completed]
Alive = Callable[[], list[psutil.Process]]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """The host side of the writable folder."""
    folder = tmp_path / "output"
    folder.mkdir()
    return folder


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """The host side of the read-only folder, which holds the program."""
    folder = tmp_path / "inputs"
    folder.mkdir()
    return folder


@pytest.fixture
def marker() -> str:
    """An argument by which the processes of one test are known on the host."""
    return f"marker-{uuid.uuid4().hex}"


@pytest.fixture
def execute(inputs: Path, output: Path, marker: str) -> Execute:
    """Run Python code in a sandbox: ``execute(code, wall_s=1.0)``; what is no limit goes to ``run``."""

    def call(code: str, *, options: dict[str, Any] | None = None, **limits: Any) -> sandbox.Completed:
        (inputs / "program.py").write_text(code, "utf-8")
        settings: dict[str, Any] = {"read_only": {}, **(options or {})}
        settings["read_only"] = {inputs: "/program", **settings["read_only"]}
        return sandbox.run(
            [sandbox.python(), "-B", "/program/program.py", marker],
            writable=(output, "/output"),
            limits=sandbox.Limits(**{"wall_s": 30.0, **limits}),
            **settings,
        )

    return call


@pytest.fixture
def alive(marker: str) -> Alive:
    """The living processes on the host that carry the marker: bubblewrap, its init, the program, its children."""

    def find() -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            try:
                if marker in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return found

    return find
