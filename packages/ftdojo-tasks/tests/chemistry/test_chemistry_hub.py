"""The published data, from small mirrors in its real layout."""

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
from ftdojo_tasks.chemistry.hub import FLAWS

RAW_FILES = {
    "mol_und": ("fg_count", "ring_count", "Murcko_scaffold", "ring_system_scaffold"),
    "mol_edit": ("add", "delete", "sub"),
    "mol_opt": ("drd", "gsk", "jnk", "qed", "solubility", "logp"),
    "rxn": ("fs_major_product", "fs_by_product", "rcr"),
}
ROWS = {"mol_und": 9, "mol_edit": 8, "mol_opt": 6, "reaction": 5}


def item(task: str, subtask: str, number: int) -> dict[str, Any]:
    """A row of the benchmark for which gold answers can be scored without a download."""
    smiles = "C" * (number + 2)
    common = {"id": "same", "task": task, "subtask": subtask}
    if task == "mol_und":
        gold = {"fg_count": "1", "ring_count": "2", "Murcko_scaffold": "c1ccccc1"}.get(subtask, "Yes")
        return {**common, "query": f"{subtask}? Input Molecule: {smiles}.", "gt": gold, "meta": "{}"}
    if task == "mol_edit":
        acid = f"{smiles}O"
        source, reference = (smiles, acid) if subtask == "add" else (acid, smiles)
        meta = {"added_group": "hydroxyl", "removed_group": "hydroxyl", "reference": reference}
        if subtask == "sub":
            meta |= {"added_group": "amine", "reference": f"{smiles}N"}
        query = f"{subtask}. Input Molecule: {source}, Functional Group."
        return {**common, "query": query, "gt": "", "meta": json.dumps(meta)}
    if task == "mol_opt":
        return {**common, "query": f"{subtask}. Source Molecule: {smiles}.", "gt": "", "meta": "{}"}
    golds = {"fs": json.dumps({"Major Product": smiles, "Byproduct(s)": "O"}), "mechsel": "ABCDE"[number]}
    return {**common, "query": f"{subtask} of {smiles}?", "gt": golds.get(subtask, smiles), "meta": "{}"}


def raw_row(task: str, subtask: str, number: int) -> dict[str, Any]:
    keys = {"fs_major_product": "Major Product", "fs_by_product": "By Product", "Murcko_scaffold": "Output Scaffold"}
    key = keys.get(subtask, {"rcr": "SMILES"}.get(subtask, "count" if subtask.endswith("_count") else "output"))
    steps = json.dumps({"analysis": "short", key: "CCO"})
    query = f"raw {subtask} {number}"
    row = {"id": f"{subtask}{number}", "query": query, "task": task, "subtask": subtask, "raw_cot": "short"}
    if subtask == "rcr":
        return row | {"gt": "CCO", "cot_result": f"```json\n{steps}\n```", "meta": "{}"}
    encoded = json.dumps(f"```json\n{steps}\n```") if number == 1 else steps[:9] if number == 2 else steps
    return row | {"struct_cot": encoded, "meta": json.dumps({"molecule": "CCO", "reference": "CCO", "gt": "1"})}


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Path]:
    raw, bench = tmp_path / "mirror" / "OpenMol" / "ChemCoTDataset", tmp_path / "mirror" / "OpenMol" / "ChemCoTBench"
    for folder, names in RAW_FILES.items():
        for name in names:
            path = raw / "chemcotbench-cot" / folder / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps([raw_row(folder, name, n) for n in range(4)]), "utf-8")
    for task, rows in ROWS.items():
        for subtask in registry.get(f"chemistry/{task}").spec.subtasks:
            path = bench / "chemcotbench" / task / f"{subtask}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps([item(task, subtask, n) for n in range(rows)]), "utf-8")
    return {"OpenMol/ChemCoTDataset": raw, "OpenMol/ChemCoTBench": bench}


def build(name: str, sources: dict[str, Path], folder: Path) -> tuple[Task, list[dict[str, Any]], list[dict[str, Any]]]:
    folder.mkdir()
    task = registry.get(f"chemistry/{name}")
    task.variants["hub"].build(folder, sources)
    return task, read_jsonl(folder / "validation.jsonl"), read_jsonl(folder / "test.jsonl")


@pytest.mark.parametrize("name", ["mol_und", "mol_edit", "reaction"])
def test_the_real_layout_becomes_a_task(
    sources: dict[str, Path], tmp_path: Path, name: str, same_as_golden: Callable[[str, Path], None]
) -> None:
    task, validation, test = build(name, sources, tmp_path / "data")
    half = ROWS[name] // 2
    assert len(validation) == len(test) == half * len(task.spec.subtasks)
    report = check(task.variant("hub")[1], tmp_path / "data")
    assert report.ok, report.findings
    gold = [probe for probe in report.probes if probe.name == "gold"]
    assert [probe.value for probe in gold] == [100.0, 100.0]
    same_as_golden(f"chemistry/{name}", tmp_path / "data")


def test_rows_are_shuffled_and_split_by_view_like_the_reference(sources: dict[str, Path], tmp_path: Path) -> None:
    _, validation, test = build("mol_und", sources, tmp_path / "data")
    # numpy.random.default_rng(42).permutation(9); the middle row of an odd number is in neither part.
    order = [3, 0, 7, 2, 4, 6, 1, 5, 8]
    names = [f"fg_count-{place:04}" for place in order]
    assert [row["id"] for row in validation if row["subtask"] == "fg_count"] == names[:4]
    assert [row["id"] for row in test if row["subtask"] == "fg_count"] == names[-4:]


def test_targets_are_prepared_without_their_classifiers(
    sources: dict[str, Path], tmp_path: Path, same_as_golden: Callable[[str, Path], None]
) -> None:
    _, validation, _ = build("mol_opt", sources, tmp_path / "data")
    same_as_golden("chemistry/mol_opt", tmp_path / "data")
    assert {row["subtask"] for row in validation} == {"drd", "gsk", "jnk", "logp", "qed", "solubility"}


def test_targets_can_be_left_out_by_name(sources: dict[str, Path], tmp_path: Path) -> None:
    task = registry.get("chemistry/mol_opt")
    task.variants["hub-computable"].build(tmp_path, sources)
    report = check(task.variant("hub-computable")[1], tmp_path)
    assert [probe.value for probe in report.probes if probe.name == "gold"] == [100.0, 100.0]
    assert {row["subtask"] for row in read_jsonl(tmp_path / "test.jsonl")} == {"logp", "qed", "solubility"}


def test_a_question_is_in_one_place_only(sources: dict[str, Path], tmp_path: Path) -> None:
    path = sources["OpenMol/ChemCoTBench"] / "chemcotbench" / "mol_und" / "fg_count.json"
    rows = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps([{**row, "query": rows[0]["query"]} for row in rows[:6]] + rows[6:]), "utf-8")
    raw = sources["OpenMol/ChemCoTDataset"] / "chemcotbench-cot" / "mol_und" / "fg_count.json"
    raw.write_text(json.dumps([{**raw_row("mol_und", "fg_count", 0), "query": rows[0]["query"]}]), "utf-8")
    _, validation, test = build("mol_und", sources, tmp_path / "data")
    queries = [row["query"] for row in (*validation, *test)]
    assert len(set(queries)) == len(queries)
    copied = tmp_path / "data" / "raw" / "chemcotbench-cot" / "mol_und"
    assert json.loads((copied / "fg_count.json").read_text("utf-8")) == []
    assert (copied / "ring_count.json").stat().st_nlink == 2  # untouched files are linked, not copied


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"fg_count\.json: is no JSON"),
        ("{}", r"fg_count\.json: is not one JSON list"),
        ("[1]", r"fg_count\.json: row 1: is not a JSON object"),
        ('[{"query": 1, "task": "mol_und", "subtask": "fg_count"}]', r"fg_count\.json: row 1: has no text"),
        ("[]", "0 rows of mol_und/fg_count"),
    ],
)
def test_faulty_files_are_named(sources: dict[str, Path], tmp_path: Path, content: str, message: str) -> None:
    (sources["OpenMol/ChemCoTBench"] / "chemcotbench" / "mol_und" / "fg_count.json").write_text(content, "utf-8")
    with pytest.raises(InputError, match=message):
        build("mol_und", sources, tmp_path / "data")


def test_items_with_a_known_fault_of_their_publisher_say_so_and_the_check_passes(
    sources: dict[str, Path], tmp_path: Path
) -> None:
    path = sources["OpenMol/ChemCoTBench"] / "chemcotbench" / "reaction" / "retro.json"
    rows = json.loads(path.read_text())
    known = next(name for name, reason in FLAWS.items() if reason.endswith("no SMILES"))
    rows = [{**row, "id": known, "gt": "CCO((CC"} if n == 0 else row for n, row in enumerate(rows)]
    path.write_text(json.dumps(rows))
    task, validation, test = build("reaction", sources, tmp_path / "data")
    assert [item["id"] for item in (*validation, *test) if "flaw" in item] == ["retro-0000"]
    report = check(task.variant("hub")[1], tmp_path / "data")
    assert report.ok, report.findings
    assert "known_flaw" in {finding.code for finding in report.findings}
    path.write_text(json.dumps([{**row, "id": "another"} for row in rows]))
    build("reaction", sources, tmp_path / "unknown")
    report = check(task.variant("hub")[1], tmp_path / "unknown")
    assert {finding.code for finding in report.findings if finding.severity == "error"} == {"bad_gold"}
