"""The guard task among the examples: its files are those of its script, and every gold answer is right."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from ftdojo import tasks
from ftdojo.data import read_items
from ftdojo.tasks.check import check

FOLDER = Path(__file__).parents[2] / "examples/everyday"


def test_its_files_are_those_of_its_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["make_data.py", "--output", str(tmp_path)])
    runpy.run_path(str(FOLDER / "make_data.py"), run_name="__main__")
    questions = {}
    for name in ("train.jsonl", "eval.jsonl"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
        questions[name] = {row["question"] for row in read_items(FOLDER / name)}
    assert not questions["train.jsonl"] & questions["eval.jsonl"]


def test_it_has_a_hundred_items_of_five_kinds_and_passes_the_check(tmp_path: Path) -> None:
    name, task = tasks.get(str(FOLDER)).variant(None)
    task.variants[name].build(tmp_path, {})
    items = read_items(tmp_path / "validation.jsonl")
    assert [sum(item["subtask"] == kind for item in items) for kind in task.spec.subtasks] == [20] * 5
    assert check(task, tmp_path).findings == []
