"""The published data, from small mirrors in its real layouts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftdojo.errors import InputError
from ftdojo.tasks import registry
from ftdojo.tasks.check import check
from ftdojo.tasks.rows import read_jsonl, write_jsonl
from ftdojo.tasks.spec import Task

Mirror = Callable[..., dict[str, Path]]

RAW = [
    {"problem": "Find the sum of the two smallest primes above $10$.", "answer": "24", "solution": ""},
    {"problem": "What is $\\frac{6}{8}$ in lowest terms?", "answer": "\\frac{3}{4}", "solution": "Divide by $2$."},
    {"problem": "A row without answer", "answer": "", "solution": ""},
    {"problem": "What is $1+1$?", "answer": "2", "solution": "$1+1=2$"},
]


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    """Writes the files of both exams and of the raw data; returns the sources of a variant."""
    root = tmp_path / "mirror"

    def write(
        name: str = "math/aime25", raw: Any = RAW, first: int = 15, rows: list[dict[str, Any]] | None = None
    ) -> dict[str, Path]:
        sets = registry.get(name).variants["hub"].sets
        folders = {data.id: root / data.id for data in sets}
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        deepscaler, exams = folders.values()
        (deepscaler / "deepscaler.json").write_text(json.dumps(raw), "utf-8")
        if name == "math/aime25":
            for exam, count in (("I", first), ("II", 15)):
                given = [
                    {"question": f"AIME {exam}, problem {n}?", "answer": str(100 + n)} for n in range(1, count + 1)
                ]
                write_jsonl(exams / f"aime2025-{exam}.jsonl", given if rows is None else rows)
        else:
            import pyarrow
            from pyarrow import parquet

            given = [
                {"ID": f"2024-{exam}-{n}", "Problem": f"{exam} {n}?", "Solution": "By hand.", "Answer": 10 * n}
                for n in (4, 12, *range(1, 4), *range(5, 12), *range(13, 16))
                for exam in ("II", "I")
            ]
            parquet.write_table(
                pyarrow.Table.from_pylist(given if rows is None else rows), exams / "aime_2024_problems.parquet"
            )
        return folders

    return write


def build(name: str, sources: dict[str, Path], folder: Path) -> tuple[Task, list[dict[str, Any]], list[dict[str, Any]]]:
    folder.mkdir()
    task = registry.get(name)
    task.variants["hub"].build(folder, sources)
    return task, read_jsonl(folder / "validation.jsonl"), read_jsonl(folder / "test.jsonl")


def test_aime25_validates_with_the_first_exam_and_tests_with_the_second(
    mirror: Mirror, tmp_path: Path, same_as_golden: Callable[[str, Path], None]
) -> None:
    sources = mirror()
    task, validation, test = build("math/aime25", sources, tmp_path / "data")
    assert validation[0] == {"id": "aime25-I-1", "question": "AIME I, problem 1?", "answer": "101"}
    assert [item["id"] for item in test] == [f"aime25-II-{n}" for n in range(1, 16)]
    assert len(validation) == 15
    copied = tmp_path / "data" / "raw" / "deepscaler.json"
    assert copied.read_bytes() == (sources["agentica-org/DeepScaleR-Preview-Dataset"] / "deepscaler.json").read_bytes()
    report = check(task, tmp_path / "data")
    assert report.ok
    assert report.pairs == {"deepscaler.json: raw": 3, "deepscaler.json: answer": 2, "deepscaler.json: rationale": 1}
    same_as_golden("math/aime25", tmp_path / "data")


def test_aime24_is_put_into_the_order_of_the_exams(
    mirror: Mirror, tmp_path: Path, same_as_golden: Callable[[str, Path], None]
) -> None:
    task, validation, test = build("math/aime24", mirror("math/aime24"), tmp_path / "data")
    assert [item["question"] for item in validation] == [f"I {n}?" for n in range(1, 16)]
    assert [item["answer"] for item in test] == [str(10 * n) for n in range(1, 16)]
    assert check(task, tmp_path / "data").ok
    same_as_golden("math/aime24", tmp_path / "data")


def test_a_problem_is_in_one_place_only(mirror: Mirror, tmp_path: Path) -> None:
    sources = mirror(raw=[*RAW, {"problem": "AIME  II,\nproblem 3?", "answer": "3", "solution": ""}])
    exam = sources["opencompass/AIME2025"] / "aime2025-I.jsonl"
    rows = read_jsonl(exam)
    write_jsonl(exam, [{"question": "AIME II, problem 7?", "answer": "7"}, *rows[1:]])
    _, validation, test = build("math/aime25", sources, tmp_path / "data")
    assert [item["id"] for item in validation] == [f"aime25-I-{n}" for n in range(2, 16)]
    assert len(test) == 15
    assert json.loads((tmp_path / "data" / "raw" / "deepscaler.json").read_text("utf-8")) == RAW


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("math/aime25", {"raw": {"problem": ""}}, r"deepscaler\.json: is not one JSON list"),
        ("math/aime25", {"raw": [*RAW, "a"]}, r"deepscaler\.json: row 5: is not a JSON object"),
        ("math/aime25", {"rows": [{"question": 1, "answer": "2"}]}, r"aime2025-I\.jsonl: row 1"),
        ("math/aime25", {"rows": [{"question": "a?"}]}, r"aime2025-I\.jsonl: row 1"),
        ("math/aime24", {"rows": [{"ID": "2023-I-1", "Problem": "a?", "Answer": 1}]}, r"parquet: row 1: its ID"),
        ("math/aime24", {"rows": [{"ID": "2024-I-1", "Problem": "a?"}]}, r"parquet: row 1: has no text"),
    ],
)
def test_rows_of_the_wrong_form_are_named(
    mirror: Mirror, tmp_path: Path, name: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        build(name, mirror(name, **settings), tmp_path / "data")


def test_files_that_are_missing_or_damaged_are_named(mirror: Mirror, tmp_path: Path) -> None:
    sources = mirror("math/aime24")
    path = sources["Maxwell-Jia/AIME_2024"] / "aime_2024_problems.parquet"
    path.write_bytes(b"PAR1 broken")
    with pytest.raises(InputError, match="is no parquet file"):
        build("math/aime24", sources, tmp_path / "a")
    path.unlink()
    with pytest.raises(InputError, match="does not exist"):
        build("math/aime24", sources, tmp_path / "b")
    sources = mirror()
    (sources["agentica-org/DeepScaleR-Preview-Dataset"] / "deepscaler.json").unlink()
    with pytest.raises(InputError, match="does not exist"):
        build("math/aime25", sources, tmp_path / "c")
