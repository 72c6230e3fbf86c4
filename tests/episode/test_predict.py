"""Answers are a stage, and one that is interrupted goes on where it was."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ftdojo import tasks
from ftdojo.contract.progress import Silent
from ftdojo.data import prepare
from ftdojo.episode import predict
from ftdojo.inference import TRANSFORMERS, TransformersEngine, engine, open_engine
from ftdojo.record import Home, Store
from ftdojo.record.store import JOURNAL


def answer(task: Path, model: Path, root: Path) -> tuple[bool, list[str]]:
    variant, found = tasks.get(str(task)).variant(None)
    data = prepare(found, variant, Home(root))
    stage, _, predictions = predict.predict(
        found,
        data.validation,
        partial(open_engine, TRANSFORMERS, model),
        "m",
        Store(root / "stages"),
        Silent(),
        label="validation",
    )
    return stage.reused, [p.model_dump_json() for p in predictions]


def test_an_interrupted_evaluation_goes_on(
    tmp_path: Path, approve: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engine.MAX_BATCH, "cpu", 8)
    _, whole = answer(approve, tiny_model, tmp_path / "whole")
    real = TransformersEngine._answer
    batches: list[int] = []
    pause_s = 0.05

    def counted(self: TransformersEngine, prompts: Any, limit: int) -> Any:
        batches.append(len(prompts))
        if stops and len(batches) == 3:
            raise KeyboardInterrupt
        time.sleep(pause_s)
        return real(self, prompts, limit)

    monkeypatch.setattr(TransformersEngine, "_answer", counted)
    stops = True
    with pytest.raises(KeyboardInterrupt):
        answer(approve, tiny_model, tmp_path / "cut")
    (journal,) = (tmp_path / "cut/stages").rglob(JOURNAL)
    with journal.open("a") as stream:
        stream.write(
            '{"seconds": 1, "answers": [{"id": "half a li'
        )  # as a process leaves it that is killed while it writes
    stops, first = False, batches[:2]
    batches.clear()
    assert answer(approve, tiny_model, tmp_path / "cut") == (False, whole)
    assert len(batches) == (len(whole) + 7) // 8 - len(first)
    assert answer(approve, tiny_model, tmp_path / "cut") == (True, whole)
    assert not list((tmp_path / "cut/stages").rglob(JOURNAL))
    (manifest,) = (tmp_path / "cut/stages/predictions").glob("*/manifest.json")
    assert json.loads(manifest.read_text())["seconds"] >= pause_s * (len(first) + len(batches)), (
        "both parts are charged"
    )
