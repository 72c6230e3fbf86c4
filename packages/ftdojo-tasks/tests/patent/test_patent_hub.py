"""The published data of PANORAMA, from a small mirror in its real layout."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from ftdojo.errors import InputError
from ftdojo.tasks import registry
from ftdojo.tasks.check import check
from ftdojo.tasks.raw_files import read
from ftdojo.tasks.rows import read_jsonl
from ftdojo.tasks.spec import Task
from ftdojo_tasks.patent.panorama import target_claim

SET = "LG-AI-Research/PANORAMA"


def row(task: str, n: int) -> dict[str, Any]:
    context = {"title": f"Cup {n}", "abstract": "A cup.", "claims": [f"A cup {n}."]}
    common = {"application_number": n, "claim_number": 1}
    option = {"patent_id": f"US{n}", "title": "Lid", "abstract": "…", "claims": ["A lid."]}
    if task == "PAR4PC":
        labels = {"gold_answers": ["ABCDEFGH"[n % 8]], "silver_answers": [], "negative_answers": []}
        return {**common, "context": context, "options": dict.fromkeys("ABCDEFGH", option), **labels}
    if task == "PI4PC":
        return {
            **common,
            "context": json.dumps(context),
            "prior_art_specification": json.dumps({**option, "specification": "…"}),
            "options": json.dumps({"4": "a", "12": "b"}),
            "gold_answers": [12],
            "silver_answers": [],
            "negative_answers": [4],
        }
    code = ("102", "103", "ALLOW", "112")[n % 4]
    return {
        **common,
        "context": json.dumps(context),
        "prior_art_specifications": json.dumps([{**option, "paragraphs": []}]),
        "answer": json.dumps({"code": code, "reason": "…"}),
    }


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    for task in ("PAR4PC", "PI4PC", "NOC4PC"):
        folder = tmp_path / "mirror" / task
        folder.mkdir(parents=True)
        for name, numbers in (("train", range(100, 108)), ("validation", range(50, 52)), ("test", range(24))):
            table = pyarrow.Table.from_pylist([row(task, n) for n in numbers])
            parquet.write_table(table, folder / f"{name}.parquet")
    return tmp_path / "mirror"


def build(task: str, mirror: Path, folder: Path) -> tuple[Task, list[dict[str, Any]], list[dict[str, Any]]]:
    folder.mkdir()
    found = registry.get(f"patent/{task.lower()}")
    found.variants["hub"].build(folder, {SET: mirror})
    return found.variant("hub")[1], read_jsonl(folder / "validation.jsonl"), read_jsonl(folder / "test.jsonl")


@pytest.mark.parametrize(("task", "items"), [("PAR4PC", 12), ("PI4PC", 12), ("NOC4PC", None)])
def test_the_real_layout_becomes_a_task(
    task: str, items: int | None, mirror: Path, tmp_path: Path, same_as_golden: Callable[[str, Path], None]
) -> None:
    found, validation, test = build(task, mirror, tmp_path / "data")
    report = check(found, tmp_path / "data")
    assert report.ok, report.findings
    if items:
        assert len(validation) == len(test) == items
    else:  # a quarter has a code that no answer can match
        assert len(validation) + len(test) == 18
    raw = [path.relative_to(tmp_path / "data" / "raw").as_posix() for path in (tmp_path / "data" / "raw").rglob("*.*")]
    assert raw == [f"{task}/train.parquet"]
    assert len(list(read(tmp_path / "data" / "raw" / task / "train.parquet"))) == 8
    same_as_golden(f"patent/{task.lower()}", tmp_path / "data")


def test_a_question_is_in_one_place_only(mirror: Path, tmp_path: Path) -> None:
    table = pyarrow.Table.from_pylist([{**row("PI4PC", n % 12)} for n in range(24)])
    parquet.write_table(table, mirror / "PI4PC" / "test.parquet")
    _, validation, test = build("PI4PC", mirror, tmp_path / "data")
    claims = [item["context"] for item in (*validation, *test)]
    assert len(set(claims)) == len(claims) == 12


def test_items_without_gold_are_left_out(mirror: Path, tmp_path: Path) -> None:
    rows = [{**row("PI4PC", n), "gold_answers": [12] if n else []} for n in range(8)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), mirror / "PI4PC" / "test.parquet")
    _, validation, test = build("PI4PC", mirror, tmp_path / "data")
    assert len(validation) + len(test) == 7


def test_claims_are_found_by_their_number_and_missing_ones_are_told(mirror: Path, tmp_path: Path) -> None:
    def context(claims: Any) -> str:
        return json.dumps({"title": "Cup", "abstract": "A cup.", "claims": claims})

    changed: list[dict[str, Any]] = [
        {"context": context([{"claimNumber": 7, "claim_text": "seventh"}, {"claimNumber": 1, "claim_text": "first"}])},
        {"context": context([{"claimNumber": "1", "claim_text": "as text"}, "second"])},
        {"context": context(["at its place"])},
        {"context": context([])},
        {"context": context(["", "second"])},
    ]
    rows = [{**row("PI4PC", n), **(changed[n] if n < len(changed) else {})} for n in range(12)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), mirror / "PI4PC" / "test.parquet")
    task, validation, test = build("PI4PC", mirror, tmp_path / "data")
    items = {item["id"]: item for item in (*validation, *test)}
    shown = [target_claim(items[f"PI4PC-{n:05}"]) for n in range(5)]
    assert shown == ["first", "as text", "at its place", "", ""]
    assert {name for name, item in items.items() if "flaw" in item} == {"PI4PC-00003", "PI4PC-00004"}
    assert check(task, tmp_path / "data").ok


def test_faulty_files_are_named(mirror: Path, tmp_path: Path) -> None:
    broken: list[dict[str, Any]] = [{"options": None}, {"gold_answers": None}, {"context": "no JSON"}]
    table = pyarrow.Table.from_pylist([{**row("PI4PC", n), **change} for n, change in enumerate(broken)])
    parquet.write_table(table, mirror / "PI4PC" / "test.parquet")
    with pytest.raises(InputError, match=r"PI4PC/test\.parquet: row 1: lacks one of") as caught:
        build("PI4PC", mirror, tmp_path / "a")
    assert len(caught.value.findings) == 3
    (mirror / "PI4PC" / "test.parquet").unlink()
    with pytest.raises(InputError, match="does not exist"):
        build("PI4PC", mirror, tmp_path / "b")
