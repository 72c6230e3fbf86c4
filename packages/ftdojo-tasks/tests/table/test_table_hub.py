"""The published data, from small mirrors in its real layout."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftdojo.errors import InputError
from ftdojo.tasks.check import check
from ftdojo.tasks.rows import read_jsonl, write_jsonl
from ftdojo_tasks import table
from ftdojo_tasks.published import shuffled

TASKS = {task.spec.id.partition("/")[2]: task for task in table.tasks()}
INSTRUCT, BENCH = "Multilingual-Multimodal-NLP/TableInstruct", "Multilingual-Multimodal-NLP/TableBench"
SUBTYPES = {
    "FactChecking": ("MatchBased", "Multi-hop FactChecking"),
    "NumericalReasoning": ("Counting",),
    "DataAnalysis": (
        "CorrelationAnalysis",
        "TrendForecasting",
        "StatisticalAnalysis",
        "ImpactAnalysis",
        "CausalAnalysis",
        "AnomalyDetection",
    ),
}


def row(qtype: str, subtype: str, number: int) -> dict[str, Any]:
    content = {"columns": ["x", "y"], "data": [["1", str(number)], ["2", None]]}
    return {
        "id": f"{qtype}{number}",
        "qtype": qtype,
        "qsubtype": subtype,
        "table": content if number % 2 else json.dumps(content),
        "question": f"{subtype} {number}?",
        "answer": f"{number + 1}.5",
        "instruction": "You are a table analyst.",
        "instruction_type": "TCoT",
    }


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Path]:
    bench = [row(q, s, n) for q, subtypes in SUBTYPES.items() for s in subtypes for n in range(9)]
    raw = [
        {**row(q, s, n), "table": json.dumps({"columns": ["x"], "data": [[str(n)]]}), "response": "Final Answer: 1"}
        for q, subtypes in SUBTYPES.items()
        for s in subtypes
        for n in range(3)
    ]
    folders = {INSTRUCT: tmp_path / "instruct", BENCH: tmp_path / "bench"}
    for folder in folders.values():
        folder.mkdir()
    write_jsonl(folders[INSTRUCT] / "TableInstruct_instructions.jsonl", raw)
    write_jsonl(folders[BENCH] / "TableBench_TCoT.jsonl", bench)
    return folders


def build(name: str, sources: dict[str, Path], folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    folder.mkdir()
    TASKS[name].variants["hub"].build(folder, sources)
    return read_jsonl(folder / "validation.jsonl"), read_jsonl(folder / "test.jsonl")


@pytest.mark.parametrize("name", ["fact_checking", "numerical_reasoning", "data_analysis"])
def test_the_real_layout_becomes_a_task(
    name: str, sources: dict[str, Path], tmp_path: Path, same_as_golden: Callable[[str, Path], None]
) -> None:
    validation, test = build(name, sources, tmp_path / "data")
    report = check(TASKS[name].variant("hub")[1], tmp_path / "data")
    assert report.ok, report.findings
    assert [probe.value for probe in report.probes if probe.name == "gold"] == [100.0, 100.0]
    raw = tmp_path / "data" / "raw" / "TableInstruct_instructions.jsonl"
    assert raw.stat().st_nlink == 2
    assert all(isinstance(item["table"], dict) for item in (*validation, *test))
    same_as_golden(f"table/{name}", tmp_path / "data")


def test_views_are_disjoint_and_of_the_reference_s_size(sources: dict[str, Path], tmp_path: Path) -> None:
    validation, test = build("data_analysis", sources, tmp_path / "data")
    expected = dict.fromkeys(
        ("correlationanalysis", "trendforecasting", "statisticalanalysis", "impactanalysis"), 4
    ) | {"other": 9}
    assert Counter(item["subtask"] for item in validation) == Counter(item["subtask"] for item in test) == expected
    questions = [item["question"] for item in (*validation, *test)]
    assert len(set(questions)) == len(questions)


def test_a_record_is_in_one_place_only(sources: dict[str, Path], tmp_path: Path) -> None:
    path = sources[BENCH] / "TableBench_TCoT.jsonl"
    rows = [{**line, "question": "same?", "table": {"columns": ["x"], "data": []}} for line in read_jsonl(path)]
    write_jsonl(path, rows[:12] + read_jsonl(path)[12:])
    raw = sources[INSTRUCT] / "TableInstruct_instructions.jsonl"
    old = read_jsonl(raw)
    write_jsonl(raw, [{**old[0], "question": "same?", "table": '{"columns": ["x"], "data": []}'}, *old])
    validation, test = build("fact_checking", sources, tmp_path / "data")
    questions = [item["question"] for item in (*validation, *test)]
    assert questions.count("same?") == 1
    assert len(read_jsonl(tmp_path / "data" / "raw" / raw.name)) == len(old)


def test_an_item_in_an_older_typed_form_is_no_raw_row(sources: dict[str, Path], tmp_path: Path) -> None:
    path, raw = sources[BENCH] / "TableBench_TCoT.jsonl", sources[INSTRUCT] / "TableInstruct_instructions.jsonl"
    rows = read_jsonl(path)
    table = {"columns": ["Year", "sales"], "data": [["2001", "1,234.50"], ["2002", " Ten "]]}
    write_jsonl(path, [{**row, "table": table, "question": f"Q {i}"} for i, row in enumerate(rows)])
    typed = {"columns": ["year", "Sales"], "data": [[2001, 1234.5], [2002, "ten"]]}
    old = read_jsonl(raw)
    copies = [{**old[0], "table": json.dumps(typed), "question": f"q  {i}"} for i in range(len(rows))]
    other = {**old[0], "table": json.dumps({**typed, "data": [[2001, 1234.6], [2002, "ten"]]}), "question": "Q 0"}
    write_jsonl(raw, [*copies, other, *old])
    validation, test = build("fact_checking", sources, tmp_path / "data")
    kept = read_jsonl(tmp_path / "data" / "raw" / raw.name)
    left = {int(row["question"].split()[1]) for row in kept if row["question"].startswith("q ")}
    assert left == set(range(len(rows))) - {int(item["question"].split()[1]) for item in (*validation, *test)}
    assert other in kept


def test_charts_whose_answer_cannot_be_read_are_left_out(
    sources: dict[str, Path], tmp_path: Path, same_as_golden: Callable[[str, Path], None]
) -> None:
    charts = [
        {**row("Visualization", "ChartGeneration", n), "answer": "y_references = [[1, 2]]" if n else "see above"}
        for n in range(7)
    ]
    write_jsonl(sources[BENCH] / "TableBench_TCoT.jsonl", charts)
    validation, test = build("visualization", sources, tmp_path / "data")
    # Seven rows are split into three, one that is dropped, and three, and only then the unreadable one is left out.
    whole = shuffled([{"id": f"Visualization-{n:04}"} for n in range(7)])
    ids = [[row["id"] for row in part if row["id"] != "Visualization-0000"] for part in (whole[:3], whole[4:])]
    assert [[item["id"] for item in part] for part in (validation, test)] == ids
    assert all(item["answer"].startswith("y_references") for item in (*validation, *test))
    same_as_golden("table/visualization", tmp_path / "data")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"table": "no"}, "row 1: has no table"),
        ({"answer": 5}, "row 1: has no table, or no text"),
        ({}, "no rows with"),
    ],
)
def test_faulty_files_are_named(change: dict[str, Any], message: str, sources: dict[str, Path], tmp_path: Path) -> None:
    path = sources[BENCH] / "TableBench_TCoT.jsonl"
    rows = read_jsonl(path)
    write_jsonl(path, [{**rows[0], **change}, *rows[1:]] if change else [])
    with pytest.raises(InputError, match=message):
        build("fact_checking", sources, tmp_path / "data")
