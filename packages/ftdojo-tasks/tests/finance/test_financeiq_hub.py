"""The published data, from a small mirror in its real layout: the split of the reference, with its row counts."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftdojo.errors import InputError
from ftdojo.tasks import registry
from ftdojo.tasks.check import check
from ftdojo.tasks.rows import read_jsonl
from ftdojo_tasks.finance.financeiq import SUBJECTS
from ftdojo_tasks.finance.hub import cuts

TASK = registry.get("finance/financeiq")
ID = "Duxiaoman-DI/FinanceIQ"
HEADER = ["", "Question", "A", "B", "C", "D", "Answer"]
ACTUARY = "精算师-金融数学"
ROWS = {ACTUARY: 9}
"""Of the mirror; other subjects have 230."""
REAL_ROWS = {
    "注册会计师（CPA）": (1311, 1211),
    "银行从业资格": (1244, 1144),
    "证券从业资格": (1176, 1076),
    "基金从业资格": (872, 772),
    "保险从业资格CICE": (696, 596),
    "经济师": (520, 420),
    "税务师": (488, 388),
    "期货从业资格": (433, 333),
    "理财规划师": (295, 195),
    "精算师-金融数学": (88, 44),
}
"""Subject -> rows of its test file, and those that are left to train with."""


def row(subject: str, kind: str, number: int) -> list[Any]:
    return [number, f"{subject}{kind}第{number}题，\n选哪项？", "存货", '厂"房', "商誉", "专利", "ABCD"[number % 4]]


def write(path: Path, rows: list[list[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([HEADER, *rows])


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    root = tmp_path / "mirror"
    for subject in SUBJECTS:
        write(root / "data" / "dev" / f"{subject}.csv", [row(subject, "例", i) for i in range(5)])
        write(root / "data" / "test" / f"{subject}.csv", [row(subject, "考", i) for i in range(ROWS.get(subject, 230))])
    return root


def build(mirror: Path, folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    folder.mkdir()
    TASK.variants["hub"].build(folder, {ID: mirror})
    return read_jsonl(folder / "validation.jsonl"), read_jsonl(folder / "test.jsonl")


def numbers(items: list[dict[str, Any]], subject: str) -> list[int]:
    return [int(item["id"].rpartition("-")[2]) for item in items if item["subtask"] == subject]


def raw_questions(folder: Path, subject: str) -> list[str]:
    with (folder / "raw" / "data" / "train" / f"{subject}.csv").open(encoding="utf-8", newline="") as stream:
        return [found["Question"] for found in csv.DictReader(stream)]


def test_the_cut_of_the_reference() -> None:
    assert {subject: cuts(n)[0] for subject, (n, _) in REAL_ROWS.items()} == {s: t for s, (_, t) in REAL_ROWS.items()}
    assert sum(training for _, training in REAL_ROWS.values()) == 6179
    assert {cuts(n)[1] for subject, (n, _) in REAL_ROWS.items() if subject != ACTUARY} == {50}
    assert cuts(88) == (44, 22)
    assert cuts(9) == (4, 2)


def test_the_last_rows_of_each_subject_are_held_out(
    mirror: Path, tmp_path: Path, same_as_golden: Callable[[str, Path], None]
) -> None:
    folder = tmp_path / "data"
    validation, test = build(mirror, folder)
    assert (len(validation), len(test)) == (452, 452)
    subject = SUBJECTS[1]
    assert numbers(validation, subject) == list(range(130, 180))
    assert numbers(test, subject) == list(range(180, 230))
    assert raw_questions(folder, subject) == [row(subject, "考", i)[1] for i in range(130)]
    assert numbers(validation, ACTUARY) == [4, 5]
    assert numbers(test, ACTUARY) == [7, 8]  # of an odd number the middle one is in neither
    assert validation[0]["shots"][4] == {
        "question": "注册会计师（CPA）例第4题，\n选哪项？",
        "A": "存货",
        "B": '厂"房',
        "C": "商誉",
        "D": "专利",
        "answer": "A",
    }
    report = check(TASK, folder)
    assert {finding.code for finding in report.findings} <= {"shortcut_scores"}  # the mirror's letters are not even
    assert not list(folder.rglob("dev"))
    same_as_golden("finance/financeiq", folder)


def test_a_question_is_in_one_place_only(mirror: Path, tmp_path: Path) -> None:
    first, second = SUBJECTS[:2]
    path = mirror / "data" / "test" / f"{first}.csv"
    rows = [row(first, "考", i) for i in range(230)]
    rows[3][1] = row(second, "考", 200)[1].replace("\n", " ")  # in the test of another subject
    rows[140][1] = rows[190][1]  # in validation and test
    write(path, rows)
    folder = tmp_path / "data"
    validation, test = build(mirror, folder)
    assert 140 not in numbers(validation, first)
    assert len(numbers(validation, first)) == 49
    assert len(numbers(test, first)) == 50
    assert len(raw_questions(folder, first)) == 129


def test_a_raw_row_that_asks_a_held_out_question_in_other_words_is_left_out(mirror: Path, tmp_path: Path) -> None:
    first = SUBJECTS[0]
    path = mirror / "data" / "test" / f"{first}.csv"
    rows = [row(first, "考", i) for i in range(230)]
    rows[200][1] = "公共物品供给制度结构的核心是什么？"
    rows[200][2:6] = ["决策问题", "分配问题", "生产问题", "融资问题"]
    rows[3][1] = "请问公共物品供给制度的中心要素是什么？"
    rows[3][2:6] = ["融资问题", "决策问题", "分配问题", "生产问题"]
    rows[4][2:6] = rows[3][2:6]  # another question with these options
    write(path, rows)
    folder = tmp_path / "data"
    build(mirror, folder)
    kept = raw_questions(folder, first)
    assert rows[3][1] not in kept
    assert rows[4][1] in kept


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        ([0, "题", "a", "b", "c", "A"], "row 2: has not seven columns"),
        ([0, "题", "a", "b", "c", "d", "e", "A"], "row 2: has not seven columns"),
        ([0, "题", "a", "b", "c", "d", "E"], "row 2: has not seven columns with an answer"),
        ([], "row 2: has not seven columns"),
    ],
)
def test_rows_of_the_wrong_form_are_named(mirror: Path, tmp_path: Path, faulty: list[Any], message: str) -> None:
    write(mirror / "data" / "test" / f"{ACTUARY}.csv", [row(ACTUARY, "考", 0), faulty])
    with pytest.raises(InputError, match=rf"{ACTUARY}\.csv: {message}"):
        build(mirror, tmp_path / "data")


def test_files_that_are_missing_or_damaged_are_named(mirror: Path, tmp_path: Path) -> None:
    path = mirror / "data" / "dev" / f"{ACTUARY}.csv"
    path.write_bytes(b",Question,A,B,C,D,Answer\n0,\xff\xfe,a,b,c,d,A\n")
    with pytest.raises(InputError, match="cannot be read as CSV in UTF-8"):
        build(mirror, tmp_path / "a")
    write(path, [row(ACTUARY, "例", i) for i in range(4)])
    with pytest.raises(InputError, match="has 4 rows, the prompt needs 5"):
        build(mirror, tmp_path / "c")
    path.unlink()
    with pytest.raises(InputError, match=rf"{ACTUARY}\.csv: the file does not exist"):
        build(mirror, tmp_path / "b")
