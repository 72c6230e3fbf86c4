"""The comparison with the reference harness, without the harness: what it reads and what it makes."""

from __future__ import annotations

import importlib
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ftdojo import tasks

FOLDER = Path(__file__).parents[2] / "benchmarks/reference"
ITEMS = [{"id": str(n), "answer": "ABCD"[n % 4]} for n in range(12)]


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(FOLDER)
    yield importlib.import_module("compare")
    for name in ("compare", "harness", "pairs"):
        del sys.modules[name]


def test_documented_differences_are_about_known_tasks_and_metrics(compare: Any) -> None:
    scorers = compare.SCORERS
    assert set(scorers) == set(tasks.ids())
    kinds = compare.read_kinds()
    assert len({kind.name for kind in kinds}) == len(kinds)
    for kind in kinds:
        parts = [part for name in kind.tasks for part in scorers[name].items()]
        assert set(kind.subtasks) <= {subtask for subtask, _ in parts}, kind.name
        assert set(kind.metrics) <= {metric for _, scorer in parts for metric in scorer.metrics}, kind.name
        assert kind.reason.endswith("."), kind.name


def test_a_difference_is_documented_if_each_of_its_metrics_is(compare: Any) -> None:
    kinds = compare.read_kinds()

    def explained(output: str, *metrics: str) -> set[str]:
        pair = compare.Pair({"id": "1"}, output, "")
        found: set[str] = compare.explain(
            compare.Difference("chemistry/reaction", "nepp", pair, dict.fromkeys(metrics, (1.0, 0.0))), kinds
        )
        return found

    distance, keys = "an invalid answer's distance", "the keys that the queries ask for"
    assert explained("?", "levenshtein") == {distance}
    assert explained("?", "levenshtein", "value") == set()
    assert explained('{"pred_smi": "C"}', "value") == {keys}


def test_pairs_follow_from_the_seed(compare: Any) -> None:
    task = tasks.get("finance/financeiq")

    def made(seed: int) -> list[Any]:
        pairs: list[Any] = compare.make_pairs(task, ITEMS, 40, random.Random(seed))
        return pairs

    assert made(0) == made(0) != made(1)
    assert len({pair.form for pair in made(0)}) > 20


def test_a_folder_without_the_harness_is_refused(compare: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no checkout of the reference"):
        compare.Harness(tmp_path)
