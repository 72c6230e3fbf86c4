"""Shared by the tests of tasks, those of the core and those of the families: hostile outputs, and a runner."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.tasks.external import CodeRunner

CpuSeconds = Callable[[Callable[[], object]], float]

HOSTILE = {
    "long": "x" * 1_000_000,
    "open thoughts": "<think>" * 150_000,
    "many thoughts": "<think>a</think>" * 60_000,
    "nested": '{"count": ' * 100_000,
    "brackets": "[" * 500_000,
    "fences": "```" * 300_000,
    "json fences": "```json" * 150_000,
    "digits": "9" * 1_000_000,
    "long integer": '{"count": ' + "9" * 5_000 + "}",
    "quotes": '"count"' * 140_000,
    "spaces after a key": '"count"' + " " * 1_000_000,
    "spaced keys": ('"output"' + " " * 100) * 9_000,
    "open string": '"output": "' + "a" * 1_000_000,
    "NUL": "\x00" * 1000 + '{"count": "1"}',
    "surrogate": '{"count": "\ud800"} \udfff',
    "other digits": '{"count": "٣"}',
    "infinite": '{"count": 1e999}',
    "line breaks": "\n    " * 200_000,
    "commas": "1," * 500_000,
    "smiles": "C" * 1_000_000,
    "rings": "C1" * 200 + "C",
    "branches": "C(" * 240,
}


@pytest.fixture(params=HOSTILE)
def hostile(request: pytest.FixtureRequest) -> str:
    """An output that breaks careless parsers."""
    return HOSTILE[str(request.param)]


@pytest.fixture
def cpu_seconds() -> CpuSeconds:
    """``cpu_seconds(call)``: the processor time that a call takes, whatever else runs on the machine."""

    def measure(call: Callable[[], object]) -> float:
        begun = time.process_time()
        call()
        return time.process_time() - begun

    return measure


@pytest.fixture
def runner() -> CodeRunner:
    """Runs a program in a process of its own, without a sandbox: the programs here are the tests' own."""

    def run(program: Path, inputs: Path, output: Path) -> None:
        command = [sys.executable, "main.py", str(inputs), str(output)]
        done = subprocess.run(command, cwd=program, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            finding = Finding(code="program_failed", gate=0, message=done.stderr[-300:], where="main.py", fix="mend it")
            raise InputError([finding])

    return run
