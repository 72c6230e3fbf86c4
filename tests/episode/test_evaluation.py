"""From outputs to the evaluation level of feedback."""

from __future__ import annotations

import pytest

from ftdojo import tasks
from ftdojo.contract.task_spec import Record
from ftdojo.episode.evaluation import Prediction, feedback


def test_the_share_of_the_most_frequent_output_is_told_by_subtask() -> None:
    task = tasks.get("chemistry/mol_und")
    subtasks = ["fg_count"] * 4 + ["ring_count"] * 2
    items: list[Record] = [{"id": str(i), "subtask": s, "query": "?", "gt": 1} for i, s in enumerate(subtasks)]
    outputs = ["1", " 1", "1\n", "2", "1", "2"]
    predictions = [Prediction(id=str(i), output=output, tokens=1, truncated=False) for i, output in enumerate(outputs)]
    told = feedback(task, items, predictions, best=None)
    assert told.top_output_share == pytest.approx({"fg_count": 0.75, "ring_count": 0.5})
