"""What the grading process tells its parent."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftdojo import tasks
from ftdojo.dojo.grading import Grade
from ftdojo.tasks.spec import ItemScore


@pytest.mark.parametrize("metrics", [{}, {"metrics": {"mae": 0.5}}])
def test_a_grade_survives_the_way_as_json(metrics: dict[str, dict[str, float]]) -> None:
    verdicts = [ItemScore(id=str(i), subtask="", score=float(i < 3), parsed=True, **metrics) for i in range(4)]
    grade = Grade.of(tasks.get("math/aime24"), verdicts, predictions=Path("p.jsonl"), model="m")
    assert grade.score.value == 75
    assert Grade.model_validate_json(grade.model_dump_json()) == grade
    assert [item.score for item in grade.items] == [1, 1, 1, 0]
