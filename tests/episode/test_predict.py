"""Answers are a stage, and one that is interrupted goes on where it was."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from ftdojo.inference import TransformersEngine, engine
from ftdojo.record.store import JOURNAL
from predicting import predict_validation


def answer(task: Path, model: Path, root: Path) -> tuple[bool, list[str]]:
    stage, _, predictions = predict_validation(task, model, root)
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
