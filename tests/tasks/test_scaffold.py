"""A new task folder works without changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftdojo.errors import UsageError
from ftdojo.tasks import registry
from ftdojo.tasks.check import check
from ftdojo.tasks.scaffold import new


@pytest.mark.parametrize(("name", "expected"), [("reviews", "own/reviews"), ("shop/reviews", "shop/reviews")])
def test_a_new_task_passes_its_check(tmp_path: Path, name: str, expected: str) -> None:
    task = registry.get(new(name, tmp_path / "reviews"))
    assert task.spec.id == expected
    data = tmp_path / "data"
    data.mkdir()
    task.variants["folder"].build(data, {})
    report = check(task, data)
    assert report.ok
    assert report.findings == []
    assert report.items == {"validation": 20, "test": 20}


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    with pytest.raises(UsageError, match="exists already"):
        new("reviews", tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("name", ["", "My Task", "../up", "a/b/c", "a/"])
def test_a_name_has_to_be_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="not a valid task name"):
        new(name, tmp_path / "x")
