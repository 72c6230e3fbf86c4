"""Trackers get the values of the ledger, each once, through their own libraries."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftdojo.contract.configuration import Configuration
from ftdojo.errors import UsageError
from ftdojo.record import Ledger
from ftdojo.record.history import History
from ftdojo.record.metrics import Line, read_metrics
from ftdojo.report.tracking import open_tracking


@pytest.fixture
def recorded(finished_run: Path) -> tuple[Configuration, list[Line]]:
    with Ledger(finished_run / "run", writable=False) as ledger:
        history = History(ledger)
        assert history.configuration is not None
        return history.configuration, list(read_metrics(history))


def test_tensorboard_reads_the_values_of_the_ledger(tmp_path: Path, recorded: tuple[Configuration, list[Line]]) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    identity, lines = recorded
    half = len(lines) // 2
    for part in (lines[:half], lines):  # the second is a resumed run, which is given everything again
        tracking = open_tracking("tensorboard", tmp_path, identity)
        tracking.send(part)
        tracking.send(part)
        tracking.close()
    read = accumulator.EventAccumulator(str(tmp_path / "trackers" / "tensorboard"), size_guidance={"scalars": 0})
    read.Reload()
    found = {tag: [(e.step, e.value) for e in read.Scalars(tag)] for tag in read.Tags()["scalars"]}
    for line in lines:
        for name, value in line.values.items():
            tag = name if line.step is None else f"iteration-{line.iteration}/{name}"
            step = line.iteration if line.step is None else line.step
            assert [v for s, v in found[tag] if s == step] == [pytest.approx(value)], (tag, step)
    assert sum(map(len, found.values())) == sum(len(line.values) for line in lines)


def test_an_unknown_tracker_is_named(tmp_path: Path, recorded: tuple[Configuration, list[Line]]) -> None:
    with pytest.raises(UsageError, match="no tracker 'tensorbord'"):
        open_tracking("tensorbord", tmp_path, recorded[0])
