"""The published data: DeepScaleR-Preview to learn from, AIME I to validate with, AIME II to test with.

Layouts: ``deepscaler.json`` is one JSON list of ``{"problem", "answer", "solution"}``; AIME 2025 is
``aime2025-I.jsonl`` and ``aime2025-II.jsonl`` with ``{"question", "answer"}``; AIME 2024 is
``aime_2024_problems.parquet`` with ``ID`` (``2024-II-4``), ``Problem``, ``Solution`` and an integer ``Answer``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ftdojo.contract.task_spec import Record
from ftdojo.tasks.rows import read_jsonl, write_jsonl
from ftdojo.tasks.spec import Sources
from ftdojo_tasks.math.aime import AIME24_SET, AIME25_SET, DEEPSCALER
from ftdojo_tasks.published import bad_rows, distinct, link, read_json_list, read_parquet

RAW = "deepscaler.json"
EXAMS = ("I", "II")
"""Validation, test."""
AIME24 = "aime_2024_problems.parquet"

Exams = dict[str, list[dict[str, Any]]]
"""Exam -> its items, in the order of the exam."""


def build_aime25(folder: Path, sources: Sources) -> None:
    """Write AIME 2025 and the raw data into ``folder``.

    Raises:
        InputError: for a file that is missing or no list of problems.
    """
    _build(folder, sources[DEEPSCALER.id], read_aime25(sources[AIME25_SET.id]))


def build_aime24(folder: Path, sources: Sources) -> None:
    """Write AIME 2024 and the raw data into ``folder``.

    Raises:
        InputError: for a file that is missing or no list of problems.
    """
    _build(folder, sources[DEEPSCALER.id], read_aime24(sources[AIME24_SET.id]))


def _build(folder: Path, raw: Path, exams: Exams) -> None:
    test = exams["II"]
    validation = distinct(exams["I"], _question, map(_question, test))
    held_out = {_question(item) for item in (*validation, *test)}
    rows = read_json_list(raw / RAW)
    kept = [row for row in rows if _plain(str(row.get("problem", ""))) not in held_out]
    target = folder / "raw" / RAW
    target.parent.mkdir()
    if len(kept) == len(rows):
        link(raw / RAW, target)
    else:
        target.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", "utf-8")
    write_jsonl(folder / "validation.jsonl", validation)
    write_jsonl(folder / "test.jsonl", test)


def read_aime25(folder: Path) -> Exams:
    """AIME 2025.

    Raises:
        InputError: naming the rows that are no problem with an answer.
    """
    return {
        exam: _items("aime25", exam, f"aime2025-{exam}.jsonl", read_jsonl(folder / f"aime2025-{exam}.jsonl"))
        for exam in EXAMS
    }


def read_aime24(folder: Path) -> Exams:
    """AIME 2024; the file is not in the order of the exams.

    Raises:
        InputError: naming the rows that are no problem with an answer, or are of another exam.
    """
    rows = [
        {"id": row.get("ID"), "question": row.get("Problem"), "answer": row.get("Answer")}
        for row in read_parquet(folder / AIME24)
    ]
    numbers = [re.fullmatch(r"2024-(I|II)-(\d{1,2})", str(row["id"])) for row in rows]
    bad = [i for i, number in enumerate(numbers, start=1) if number is None]
    if bad:
        raise bad_rows(AIME24, bad, "its ID is none of an exam of 2024")
    exams: Exams = {}
    for exam in EXAMS:
        own = [(int(found[2]), row) for found, row in zip(numbers, rows, strict=True) if found and found[1] == exam]
        exams[exam] = _items("aime24", exam, AIME24, [row for _, row in sorted(own, key=lambda pair: pair[0])])
    return exams


def _items(task: str, exam: str, file: str, rows: Sequence[Record]) -> list[dict[str, Any]]:
    bad = [
        i
        for i, row in enumerate(rows, start=1)
        if not isinstance(row.get("question"), str) or not isinstance(row.get("answer"), (str, int))
    ]
    if bad:
        raise bad_rows(file, bad, "has no text 'question' with an 'answer'")
    return [
        {"id": f"{task}-{exam}-{number}", "question": row["question"], "answer": str(row["answer"])}
        for number, row in enumerate(rows, start=1)
    ]


def _question(item: Record) -> str:
    return _plain(item["question"])


def _plain(text: str) -> str:
    return " ".join(text.split())
