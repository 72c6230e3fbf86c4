"""The overlap index on twins, whose splits are disjoint by construction: what it finds between them is false."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ftdojo import tasks
from ftdojo.data import OverlapIndex, read_items


@pytest.mark.parametrize("name", [name for name in tasks.ids() if "twin" in tasks.get(name).variants])
def test_items_of_one_split_are_not_taken_for_copies_of_another(name: str, twins: Callable[[str], Path]) -> None:
    task = tasks.get(name)
    folder = twins(name)
    test, validation = (
        [task.question(item) for item in read_items(folder / f"{split}.jsonl")] for split in ("test", "validation")
    )
    index = OverlapIndex.from_texts(test)
    assert [question for question in validation if index.overlaps([question])] == []
    assert all(index.overlaps([question, "an answer"]) for question in test)
