"""Shared by the tests of this room: hostile outputs, a runner, and task folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scoring_fixtures import hostile, runner

__all__ = ["hostile", "runner"]


@pytest.fixture
def task_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes a task folder: ``task_folder(train, evaluation, scorer="exact", ...)`` returns its path."""

    def write(train: list[dict[str, Any]], evaluation: list[dict[str, Any]], **settings: Any) -> Path:
        defaults = {
            "id": "own/test",
            "domain": "own",
            "objective": "Test.",
            "output_format": "text",
            "scorer": "exact",
            "metric": "accuracy",
            "prompt": "Q: {{ q }}",
            "answer": "a",
        }
        folder = tmp_path / "task"
        folder.mkdir()
        lines = [f"{key} = {json.dumps(value)}" for key, value in {**defaults, **settings}.items()]
        (folder / "task.toml").write_text("\n".join(lines), "utf-8")
        for name, rows in (("train", train), ("eval", evaluation)):
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        return folder

    return write
