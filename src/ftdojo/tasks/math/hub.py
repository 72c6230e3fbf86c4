"""The published data: DeepScaleR-Preview to learn from, AIME I to validate with, AIME II to test with.

Layouts: ``deepscaler.json`` is one JSON list of ``{"problem", "answer", "solution"}``; AIME 2025 is
``aime2025-I.jsonl`` and ``aime2025-II.jsonl`` with ``{"question", "answer"}``; AIME 2024 is
``aime_2024_problems.parquet`` with ``ID`` (``2024-II-4``), ``Problem``, ``Solution`` and an integer ``Answer``.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.tasks.rows import MAX_FINDINGS, read_jsonl, write_jsonl
from ftdojo.tasks.spec import Record

RAW = "deepscaler.json"
EXAMS = ("I", "II")
"""Validation, test."""
AIME24 = "aime_2024_problems.parquet"

Exams = dict[str, list[dict[str, Any]]]
"""Exam -> its items, in the order of the exam."""


def build(folder: Path, raw: Path, exams: Exams) -> None:
    """Write ``raw/``, ``validation.jsonl`` and ``test.jsonl`` into ``folder``.

    Raises:
        InputError: if a file is missing or no list of problems.
    """
    validation, test = (exams[name] for name in EXAMS)
    in_test = {_plain(item["question"]) for item in test}
    validation = [item for item in validation if _plain(item["question"]) not in in_test]
    held_out = in_test | {_plain(item["question"]) for item in validation}
    rows = _read_raw(raw / RAW)
    kept = [row for row in rows if _plain(str(row.get("problem", ""))) not in held_out]
    target = folder / "raw" / RAW
    target.parent.mkdir()
    if len(kept) == len(rows):
        shutil.copyfile(raw / RAW, target)
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
        for row in _read_parquet(folder / AIME24)
    ]
    numbers = [re.fullmatch(r"2024-(I|II)-(\d{1,2})", str(row["id"])) for row in rows]
    bad = [i for i, number in enumerate(numbers) if number is None]
    if bad:
        raise _bad_rows(AIME24, bad, "its ID is none of an exam of 2024")
    exams: Exams = {}
    for exam in EXAMS:
        own = [(int(found[2]), row) for found, row in zip(numbers, rows, strict=True) if found and found[1] == exam]
        exams[exam] = _items("aime24", exam, AIME24, [row for _, row in sorted(own, key=lambda pair: pair[0])])
    return exams


def _items(task: str, exam: str, file: str, rows: Sequence[Record]) -> list[dict[str, Any]]:
    bad = [
        i
        for i, row in enumerate(rows)
        if not isinstance(row.get("question"), str) or not isinstance(row.get("answer"), (str, int))
    ]
    if bad:
        raise _bad_rows(file, bad, "has no text 'question' with an 'answer'")
    return [
        {"id": f"{task}-{exam}-{number}", "question": row["question"], "answer": str(row["answer"])}
        for number, row in enumerate(rows, start=1)
    ]


def _read_raw(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise _fault("missing_file", path.name, "the file does not exist", f"fetch it to {path}")
    try:
        rows = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        rows = None
    if not isinstance(rows, list):
        raise _fault("bad_file", path.name, "is not one JSON list", "fetch it again")
    bad = [i for i, row in enumerate(rows) if not isinstance(row, dict)]
    if bad:
        raise _bad_rows(path.name, bad, "is not a JSON object")
    return rows


def _read_parquet(path: Path) -> list[dict[str, Any]]:
    from pyarrow import parquet

    try:
        return list(parquet.read_table(path).to_pylist())
    except FileNotFoundError:
        raise _fault("missing_file", path.name, "the file does not exist", f"fetch it to {path}") from None
    except ValueError as error:  # that of pyarrow for other content
        raise _fault("bad_file", path.name, f"is no parquet file: {error}", "fetch it again") from None


def _plain(text: str) -> str:
    return " ".join(text.split())


def _bad_rows(file: str, numbers: Iterable[int], message: str) -> InputError:
    found = [
        Finding(code="bad_row", gate=0, message=message, where=f"{file}: row {number + 1}", fix="fetch the file again")
        for number in numbers
    ]
    return InputError(found[:MAX_FINDINGS])


def _fault(code: str, where: str, message: str, fix: str) -> InputError:
    return InputError([Finding(code=code, gate=0, message=message, where=where, fix=fix)])
