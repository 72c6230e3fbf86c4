"""A child that answers requests: what becomes of one that ends before it has read its request."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from ftdojo.worker import LimitError, Worker

ECHO = """
from ftdojo.worker import answer_requests
answer_requests(lambda request: request, memory_bytes=2**32)
"""
LARGE = 2**20
"""More than a pipe holds."""


@pytest.fixture
def echo(tmp_path: Path) -> Worker:
    (tmp_path / "echo.py").write_text(ECHO, "utf-8")
    return Worker(str(tmp_path / "echo.py"))


def test_a_child_that_was_killed_is_started_anew(echo: Worker) -> None:
    assert echo.ask({"n": 1}, 60) == {"n": 1}
    assert echo._process is not None
    os.kill(echo._process.pid, signal.SIGKILL)
    echo._process.wait()
    for again in ({"n": 2}, {"text": "x" * LARGE}):
        assert echo.ask(again, 60) == again, "what was written for the first child is lost with it"


def test_a_child_that_never_reads_is_given_up(tmp_path: Path) -> None:
    (tmp_path / "ends.py").write_text("raise SystemExit", "utf-8")
    with pytest.raises(LimitError):
        Worker(str(tmp_path / "ends.py")).ask({"text": "x" * LARGE}, 60)
