"""The self-test of a task: sound tasks pass, and every fault that it checks for makes it fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ftdojo.contract.task_spec import Record, Shortcut
from ftdojo.tasks import registry
from ftdojo.tasks.check import CheckReport, check
from ftdojo.tasks.folder import load_folder
from ftdojo.tasks.rows import read_jsonl, write_jsonl
from ftdojo.tasks.spec import ItemScore, Scorer, Task

Rows = list[dict[str, str]]
Built = Callable[..., tuple[Task, Path]]

TRAIN = [{"q": f"train {i}", "a": str(i)} for i in range(3)]
EVALUATION = [{"q": f"eval {i}", "a": str(i % 3)} for i in range(12)]
EXAMPLE = Path(__file__).parents[2] / "examples" / "support_tickets"


@pytest.fixture
def built(task_folder: Callable[..., Path], tmp_path: Path) -> Built:
    def make(train: Rows = TRAIN, evaluation: Rows = EVALUATION, **settings: Any) -> tuple[Task, Path]:
        task = load_folder(task_folder(train, evaluation, **settings))
        folder = tmp_path / "data"
        folder.mkdir()
        task.variants["folder"].build(folder, {})
        return task, folder

    return make


def found(report: CheckReport) -> set[tuple[str, str]]:
    return {(f.code, f.severity) for f in report.findings}


def test_a_sound_task_passes(built: Built) -> None:
    report = check(*built())
    assert report.ok
    assert report.findings == []
    assert report.items == {"validation": 6, "test": 6}
    assert report.pairs == {"train.jsonl: raw": 3}
    values = {probe.name: probe.value for probe in report.probes if probe.split == "test"}
    assert (values["gold"], values["blank"]) == (100.0, 0.0)


def test_the_example_passes(tmp_path: Path) -> None:
    task = registry.get(EXAMPLE)
    task.variants["folder"].build(tmp_path, {})
    report = check(task, tmp_path)
    assert report.ok
    assert report.items == {"validation": 120, "test": 120}
    assert max(p.value for p in report.probes if p.name == "constant") < 15


def test_training_rows_that_are_evaluation_prompts_are_found(built: Built) -> None:
    report = check(*built(train=[*TRAIN, {"q": "eval 3", "a": ""}, EVALUATION[5]]))
    assert not report.ok
    assert found(report) == {("leaked_items", "error")}
    assert "1 of its prompts" in report.findings[0].message  # the row without an answer is no training pair


def test_a_constant_answer_that_does_is_told(built: Built) -> None:
    report = check(*built(evaluation=[{**row, "a": "same"} for row in EVALUATION]))
    assert report.ok
    assert found(report) == {("constant_scores", "warning")}


def test_splits_that_share_items_are_found(built: Built) -> None:
    task, folder = built()
    rows = read_jsonl(folder / "validation.jsonl")
    write_jsonl(folder / "test.jsonl", [*read_jsonl(folder / "test.jsonl"), rows[0], {**rows[1], "id": "new"}])
    report = check(task, folder)
    assert [f.code for f in report.findings] == ["double_id", "double_prompt", "double_prompt"]


def test_an_empty_split_is_found(built: Built) -> None:
    task, folder = built()
    write_jsonl(folder / "test.jsonl", [])
    assert found(check(task, folder)) == {("no_items", "error")}


def test_a_shortcut_above_its_declared_value_is_found(built: Built) -> None:
    task, folder = built()
    shortcut = Shortcut(name="zero", output="0", at_most=1.0)
    report = check(replace(task, spec=replace(task.spec, shortcuts=(shortcut,))), folder)
    assert found(report) == {("shortcut_scores", "error")}


class Broken:
    """A scorer with a fault."""

    def __init__(self, scorer: Scorer, fault: str) -> None:
        self.scorer, self.fault = scorer, fault

    def __getattr__(self, name: str) -> Any:
        return getattr(self.scorer, name)

    def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
        scores = self.scorer.score(items, outputs)
        if self.fault == "order_dependent":
            return [
                replace(s, score=0.0) if i == 0 and s.score < 1 else replace(s, error=str(i))
                for i, s in enumerate(scores)
            ]
        return [replace(s, score=1.0 - s.score) for s in scores]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [("order_dependent", {"order_dependent"}), ("upside down", {"gold_not_best", "blank_scores", "constant_scores"})],
)
def test_a_broken_scorer_is_found(built: Built, fault: str, expected: set[str]) -> None:
    task, folder = built(evaluation=[{**row, "a": str(i)} for i, row in enumerate(EVALUATION)])
    report = check(replace(task, scorer=Broken(task.scorer, fault)), folder)
    assert not report.ok
    assert {f.code for f in report.findings} == expected


def test_unreadable_raw_rows_and_empty_renderings_are_told(built: Built) -> None:
    task, folder = built()
    (folder / "raw" / "train.jsonl").write_text('{"q": \n' + json.dumps({"q": "x"}) + "\n", "utf-8")
    assert found(check(task, folder)) == {("broken_rows", "warning"), ("no_pairs", "error")}
