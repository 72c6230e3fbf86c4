"""The published data of BioProBench, from a small mirror in its real layout."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftdojo.errors import InputError
from ftdojo.tasks import registry
from ftdojo.tasks.check import check
from ftdojo.tasks.rows import read_jsonl
from ftdojo.tasks.spec import Task

SET = "bowenxian/BioProBench"


def row(name: str, n: int) -> dict[str, Any]:
    rows: dict[str, dict[str, Any]] = {
        "PQA": {"question": f"Heat to ____ ({n}).", "choices": ["1", "2", "3", "4", "5"], "answer": str(n % 5 + 1)},
        "ORD": {"question": f"Sort {n}", "wrong_steps": ["b", "a"], "correct_steps": ["a", "b"]},
        "ERR": {
            "context": {"purpose": f"p{n}", "prior_step": None, "next_step": "c"},
            "corrupted_text": None if n % 2 else "bad",
            "corrected_text": "good",
            "is_correct": bool(n % 2),
        },
        "GEN": {"system_prompt": "s", "instruction": "i", "input": f"How {n}?", "output": ["1. Add.", "2. Spin."]},
    }
    return {**rows[name], "id": f"{name}-{n}", "type": "top"}


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    root = tmp_path / "mirror"
    root.mkdir()
    for name in ("PQA", "ORD", "ERR", "GEN"):
        (root / f"{name}.json").write_text(json.dumps([row(name, n) for n in range(100, 110)]), "utf-8")
        (root / f"{name}_test.json").write_text(json.dumps([row(name, n) for n in range(12)]), "utf-8")
    return root


def build(name: str, mirror: Path, folder: Path) -> tuple[Task, list[dict[str, Any]], list[dict[str, Any]]]:
    folder.mkdir()
    task = registry.get(f"biology/{name.lower()}")
    task.variants["hub"].build(folder, {SET: mirror})
    return task.variant("hub")[1], read_jsonl(folder / "validation.jsonl"), read_jsonl(folder / "test.jsonl")


@pytest.mark.parametrize("name", ["PQA", "ORD", "ERR", "GEN"])
def test_the_real_layout_becomes_a_task(
    name: str, mirror: Path, tmp_path: Path, same_as_golden: Callable[[str, Path], None]
) -> None:
    task, validation, test = build(name, mirror, tmp_path / "data")
    assert len(validation) == len(test) == 6
    report = check(task, tmp_path / "data")
    assert report.ok, report.findings
    raw = tmp_path / "data" / "raw"
    assert [path.name for path in raw.rglob("*")] == [f"{name}.json"]  # nothing of the evaluation files
    same_as_golden(f"biology/{name.lower()}", tmp_path / "data")


def test_equal_steps_and_known_questions_are_left_out(mirror: Path, tmp_path: Path) -> None:
    rows = [row("ORD", n) for n in range(12)]
    rows[0] |= {"wrong_steps": ["a", "a"], "correct_steps": ["a", "a"]}
    rows[1]["question"] = rows[2]["question"]
    (mirror / "ORD_test.json").write_text(json.dumps(rows), "utf-8")
    (mirror / "ORD.json").write_text(json.dumps([row("ORD", 5), row("ORD", 200)]), "utf-8")
    _, validation, test = build("ORD", mirror, tmp_path / "data")
    assert len(validation) + len(test) == 10
    raw = json.loads((tmp_path / "data" / "raw" / "ORD.json").read_text("utf-8"))
    assert [r["question"] for r in raw] == ["Sort 200"]


def test_a_question_does_not_come_back_with_its_choices_mixed(mirror: Path, tmp_path: Path) -> None:
    mixed = {**row("PQA", 3), "choices": ["5", "4", "3", "2", "1"]}
    (mirror / "PQA.json").write_text(json.dumps([mixed, row("PQA", 200)]), "utf-8")
    build("PQA", mirror, tmp_path / "data")
    raw = json.loads((tmp_path / "data" / "raw" / "PQA.json").read_text("utf-8"))
    assert [r["question"] for r in raw] == ["Heat to ____ (200)."]


def test_an_answer_that_no_output_can_give_is_left_out(mirror: Path, tmp_path: Path) -> None:
    rows = [row("PQA", n) for n in range(12)]
    rows[4]["answer"] = "H&E stain"
    (mirror / "PQA_test.json").write_text(json.dumps(rows), "utf-8")
    _, validation, test = build("PQA", mirror, tmp_path / "data")
    assert len(validation) + len(test) == 11
    assert all("&" not in item["answer"] for item in (*validation, *test))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("PQA", {"answer": 5}),
        ("PQA", {"answer": " "}),
        ("PQA", {"choices": "abc"}),
        ("PQA", {"choices": [1, 2]}),
        ("ORD", {"correct_steps": 5}),
        ("ORD", {"wrong_steps": "ab"}),
        ("ERR", {"context": "abc"}),
        ("ERR", {"is_correct": "yes"}),
        ("ERR", {"is_correct": False, "corrupted_text": None}),
        ("GEN", {"output": []}),
        ("GEN", {"output": ["1. Add.", 2]}),
        ("GEN", {"input": None}),
    ],
)
def test_a_row_of_another_form_is_named_in_the_items_and_kept_in_the_raw_data(
    name: str, changes: dict[str, Any], mirror: Path, tmp_path: Path
) -> None:
    rows = [row(name, n) for n in range(12)]
    (mirror / f"{name}.json").write_text(json.dumps([{**row(name, 200), **changes}]), "utf-8")
    build(name, mirror, tmp_path / "raw_row")
    assert len(json.loads((tmp_path / "raw_row" / "raw" / f"{name}.json").read_text("utf-8"))) == 1
    rows[3] |= changes
    (mirror / f"{name}_test.json").write_text(json.dumps(rows), "utf-8")
    with pytest.raises(InputError, match=rf"{name}_test\.json: row 4: lacks one of"):
        build(name, mirror, tmp_path / "item")


@pytest.mark.parametrize(
    ("content", "message"), [("{", "is no JSON"), ('[{"question": "a"}]', r"PQA_test\.json: row 1: lacks one of")]
)
def test_faulty_files_are_named(content: str, message: str, mirror: Path, tmp_path: Path) -> None:
    (mirror / "PQA_test.json").write_text(content, "utf-8")
    with pytest.raises(InputError, match=message):
        build("PQA", mirror, tmp_path / "data")


def test_an_error_that_is_the_same_as_its_correction_is_a_known_fault(mirror: Path, tmp_path: Path) -> None:
    rows = [row("ERR", n) for n in range(12)]
    rows[0]["corrupted_text"] = rows[0]["corrected_text"]
    (mirror / "ERR_test.json").write_text(json.dumps(rows), "utf-8")
    task, validation, test = build("ERR", mirror, tmp_path / "data")
    assert [item["id"] for item in (*validation, *test) if "flaw" in item] == ["ERR-00000"]
    report = check(task, tmp_path / "data")
    assert report.ok
    assert "known_flaw" in {finding.code for finding in report.findings}
