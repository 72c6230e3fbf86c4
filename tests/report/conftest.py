"""Run folders for reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ftdojo.contract.call import Call
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import RunResult
from ftdojo.record import Ledger, events
from ftdojo.record.history import History
from recorded_runs import (
    EXAMPLES,
    STORY,
    call,
    evaluated,
    evaluation,
    guarded,
    plan,
    record,
    score,
    stopped,
    trivial,
    untrained,
)


@pytest.fixture
def build() -> SimpleNamespace:
    """What runs are made of."""
    return SimpleNamespace(
        EXAMPLES=EXAMPLES, STORY=STORY, call=call, evaluated=evaluated, evaluation=evaluation, guarded=guarded,
        plan=plan, score=score, stopped=stopped, trivial=trivial,
        untrained=untrained,
    )  # fmt: skip


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Makes a run folder from iterations; how far it got is chosen by ``until``."""

    def make(
        iterations: Sequence[Iteration] = STORY,
        *,
        until: str = "finished",
        files: dict[str, str] | None = None,
        calls: dict[int, list[Call]] | None = None,
        **about: Any,
    ) -> Path:
        run = tmp_path / "run"
        run.mkdir()
        record(run, iterations, until, about, calls or {})
        for number in range(1, len(iterations) + 1):
            folder = run / "submissions" / f"{number:03d}"
            folder.mkdir(parents=True)
            for name, content in (files or {"train.yaml": "method: lora\nepochs: 4.0\n"}).items():
                (folder / name).write_text(content, "utf-8")
        return run

    return make


@pytest.fixture
def make_result(make_run: Callable[..., Path]) -> Callable[..., RunResult]:
    """The result of a finished run of these iterations."""

    def make(iterations: Sequence[Iteration] = STORY, **about: Any) -> RunResult:
        with Ledger(make_run(iterations, **about), writable=False) as ledger:
            return History(ledger).require(events.RunFinished).result

    return make
