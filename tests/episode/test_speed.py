"""The speed of training is measured on rows as they will be trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.contract.row import Row
from ftdojo.episode import speed
from ftdojo.episode.setting import Setting
from ftdojo.episode.trivial import training_rows
from ftdojo.record import Home, Store
from ftdojo.training import trainer_of


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    """The rows that trainings get from now on."""
    found: list[Row] = []

    def watched(config: Any) -> Any:
        trainer = trainer_of(config)
        tokenize = trainer.tokenize

        def watch(rows: Sequence[Row], *args: Any, **given: Any) -> Any:
            found.extend(rows)
            return tokenize(rows, *args, **given)

        monkeypatch.setattr(trainer, "tokenize", watch)
        return trainer

    monkeypatch.setattr(speed, "trainer_of", watched)
    return found


def prepare(approve: Path, tiny_model: Path, home: Home) -> Setting:
    return Setting.prepare(RunOptions(task=str(approve), model=str(tiny_model), wall_s=60), home=home)


def test_documented_rows_are_trained_and_the_speed_is_kept(
    tmp_path: Path, approve: Path, tiny_model: Path, measured: list[Row]
) -> None:
    setting, store = prepare(approve, tiny_model, Home(tmp_path / "home")), Store(tmp_path / "stages")
    rows_per_s = speed.train_rows_per_s(setting, store, Silent())
    assert rows_per_s > 0
    assert measured == training_rows(setting.task.spec, setting.data, limit=speed.ROWS)
    assert len({row.completion for row in measured}) > 1
    assert speed.train_rows_per_s(setting, store, Silent()) == rows_per_s


def test_raw_data_without_rows_is_measured_by_the_questions(
    tmp_path: Path, approve: Path, tiny_model: Path, measured: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    setting, store = prepare(approve, tiny_model, Home(tmp_path / "home")), Store(tmp_path / "stages")
    monkeypatch.setattr(speed, "training_rows", lambda *_, **__: [])
    monkeypatch.setattr(speed, "CHARS", 10)
    assert speed.train_rows_per_s(setting, store, Silent()) > 0
    assert {row.completion for row in measured} == {"ok"}
    assert all(len(text) <= 10 for row in measured for text in row.texts), "long texts are cut"
