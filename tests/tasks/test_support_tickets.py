"""The example task: its data is what its script writes, with the flaws that it promises and no shared entities."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ftdojo.tasks.rows import read_jsonl

EXAMPLE = Path(__file__).parents[2] / "examples" / "support_tickets"
KEYS = ["product", "category", "urgency", "order_id"]


@pytest.fixture(scope="module")
def rows() -> dict[str, list[dict[str, Any]]]:
    return {name: read_jsonl(EXAMPLE / f"{name}.jsonl") for name in ("train", "eval")}


def test_the_script_writes_the_committed_files(tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLE / "make_data.py", "--output", tmp_path], check=True)
    for name in ("train.jsonl", "eval.jsonl"):
        assert (tmp_path / name).read_bytes() == (EXAMPLE / name).read_bytes()


def test_sizes(rows: dict[str, list[dict[str, Any]]]) -> None:
    assert {name: len(part) for name, part in rows.items()} == {"train": 1200, "eval": 240}
    assert all(20 <= len(row["ticket"].split()) <= 60 for part in rows.values() for row in part)


def test_evaluation_answers_are_clean_and_stand_in_the_ticket(rows: dict[str, list[dict[str, Any]]]) -> None:
    for row in rows["eval"]:
        record = json.loads(row["answer"])
        assert list(record) == KEYS
        order = re.search(r"\b[a-z]{2}-\d{5}\b", row["ticket"], re.IGNORECASE)
        assert record["order_id"] == (order[0].upper() if order else None)


def test_training_rows_have_the_promised_flaws(rows: dict[str, list[dict[str, Any]]]) -> None:
    answers = [row["answer"] for row in rows["train"]]
    empty = sum(not answer for answer in answers)
    prose = sum(answer.startswith("The customer") for answer in answers)
    renamed = sum('"item"' in answer for answer in answers)
    fenced = sum("```" in answer for answer in answers)
    repeated = len(answers) - len({row["ticket"] for row in rows["train"]})
    assert all(20 <= n <= 200 for n in (empty, prose, renamed, fenced, repeated))
    assert 0.68 <= sum(answer.startswith('{"product"') for answer in answers) / len(answers) <= 0.82


def test_no_sentence_is_in_training_and_evaluation(rows: dict[str, list[dict[str, Any]]]) -> None:
    def sentences(part: list[dict[str, Any]]) -> set[str]:
        found = {s.strip() for row in part for s in re.split(r"[.!?]", row["ticket"])}
        return {s for s in found if len(s.split()) >= 4}

    assert len(sentences(rows["train"])) > 200
    assert not sentences(rows["train"]) & sentences(rows["eval"])
