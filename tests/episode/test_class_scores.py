"""The classes of a classification, and of nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ftdojo import tasks
from ftdojo.episode.class_scores import count_classes
from ftdojo.tasks.spec import ItemScore, Task


def load(approve: Path) -> tuple[Task, list[dict[str, Any]]]:
    _, task = tasks.get(str(approve)).variant(None)
    items = [{"id": str(n), "request": f"r{n}", "verdict": "approve" if n % 3 else "reject"} for n in range(9)]
    return task, items


def verdicts(scores: list[float]) -> list[ItemScore]:
    return [ItemScore(id=str(n), subtask="", score=score, parsed=True) for n, score in enumerate(scores)]


def test_right_answers_are_counted_by_class(approve: Path) -> None:
    task, items = load(approve)
    gold = task.scorer.gold(items[0])
    always_one = verdicts([1.0 if task.scorer.gold(item) != gold else 0.0 for item in items])
    large, small = count_classes(task, items, {"baseline": always_one, "best": verdicts([1.0] * 9)})
    assert (large.items, large.right) == (6, {"baseline": 6, "best": 6})
    assert (small.answer, small.items, small.right) == (gold, 3, {"baseline": 0, "best": 3})


def test_one_class_many_classes_and_parts_of_a_point_are_no_classification(approve: Path) -> None:
    task, items = load(approve)
    assert count_classes(task, [item | {"verdict": "approve"} for item in items], {"best": verdicts([1.0] * 9)}) == []
    assert count_classes(task, items[:4], {"best": verdicts([1.0] * 4)}) == []
    assert count_classes(task, items, {"best": verdicts([0.5] * 9)}) == []
