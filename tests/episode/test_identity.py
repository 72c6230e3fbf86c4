"""A run goes on only where models compute as they did where it began."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftdojo import models
from ftdojo.contract.configuration import Configuration
from ftdojo.episode.identity import require_same_compute
from ftdojo.errors import UsageError
from ftdojo.models.device import Compute
from ftdojo.record import Ledger
from ftdojo.record.events import RunBegun
from ftdojo.record.history import History


def begun(ledger: Ledger, compute: str | None) -> History:
    history = History(ledger)
    identity = Configuration(
        task="t", variant="v", model="m", agent="a", planner="", seed=0, budget={}, digests={"task": "1"}
    )
    history.append(
        RunBegun(configuration=identity, compute=compute, metric="accuracy", higher_is_better=True, objective="o")
    )
    return history


def test_a_run_of_this_machine_or_of_an_older_build_goes_on(tmp_path: Path) -> None:
    for name, compute in (("older", None), ("here", str(models.compute()))):
        with Ledger(tmp_path / name) as ledger:
            require_same_compute(begun(ledger, compute), tmp_path / name)


def test_a_run_of_another_machine_is_refused_at_once(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        history = begun(ledger, "cuda/float16/sdpa")
        with pytest.raises(UsageError, match="compute in cuda/float16/sdpa; on this machine"):
            require_same_compute(history, tmp_path)


def test_the_result_of_a_run_that_has_ended_is_read_anywhere(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "compute", lambda: Compute("cuda", "float16", "sdpa", ""))
    with Ledger(finished_run / "run", writable=False) as ledger:
        history = History(ledger)
        assert history.require(RunBegun).compute != str(models.compute())
        require_same_compute(history, finished_run / "run")
