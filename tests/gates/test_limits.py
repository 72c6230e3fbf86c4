"""Token limits of a task against a model: told before anything is paid for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ftdojo.gates import check_limits, describe_beyond
from ftdojo.tasks.folder import load_folder
from ftdojo.tasks.rows import read_jsonl
from ftdojo.tasks.spec import Task


@pytest.fixture
def limited(approve: Path) -> Callable[[int], Task]:
    task = load_folder(approve)
    return lambda limit: replace(task, spec=replace(task.spec, max_new_tokens=limit))


def rows(approve: Path) -> list[dict[str, str]]:
    return [{**row, "id": str(i)} for i, row in enumerate(read_jsonl(approve / "eval.jsonl"))]


def test_a_task_that_fits_has_no_finding(approve: Path, tiny_model: Path, limited: Callable[[int], Task]) -> None:
    assert check_limits(limited(8), rows(approve), tiny_model) == []


def test_answers_that_are_cut_are_an_error_if_none_can_be_right(
    approve: Path, tiny_model: Path, limited: Callable[[int], Task]
) -> None:
    long = "dear customer thank you for writing to us about this order"
    items = [{**row, "verdict": f"{long} {row['verdict']}"} for row in rows(approve)]
    (finding,) = check_limits(limited(4), items, tiny_model)
    assert (finding.code, finding.severity) == ("answers_beyond_limit", "error")
    assert f"{len(items)} of {len(items)}" in finding.message
    some = [*rows(approve)[: len(items) // 2], *items[len(items) // 2 :]]
    (finding,) = check_limits(limited(4), some, tiny_model)
    assert finding.severity == "warning"


def test_prompts_beyond_the_context_are_counted(
    approve: Path, tiny_model: Path, tmp_path: Path, limited: Callable[[int], Task]
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    for file in tiny_model.iterdir():
        (small / file.name).write_bytes(file.read_bytes())
    config = json.loads((small / "config.json").read_text())
    (small / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 8}))
    task, items = limited(4), rows(approve)
    (finding,) = check_limits(task, items, small)
    assert (finding.code, finding.severity) == ("beyond_context", "error")
    prompts = [task.prompt(item) for item in items]
    assert describe_beyond(prompts, small) == finding.message
    assert f"{len(items)} of {len(items)} prompts fill or exceed the model's context of 8" in finding.message
    assert describe_beyond(prompts, tiny_model) is None
