"""``ftdojo compare``: its table, page and exit status."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ftdojo.cli.main import app
from ftdojo.errors import UsageError
from ftdojo.tasks.rows import write_jsonl

FINISHED = Path(__file__).parents[1] / "fixtures/1e8ec7a/finished"


def test_the_table_names_the_verdict_and_the_changed_items(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    found = CliRunner().invoke(app, ["compare", f"base={FINISHED}@base", f"best={FINISHED}", "--html", str(page)])
    assert found.exit_code == 0, found.output
    for part in ("better", "mcnemar", "lost by best", "won by best"):
        assert part in found.output
    written = page.read_text("utf-8")
    assert "<script" not in written
    assert "Changed items" in written


def test_scores_of_runs_stand_beside_what_needs_no_training(finished_run: Path, tmp_path: Path) -> None:
    run, page = finished_run / "run", tmp_path / "page.html"
    found = CliRunner().invoke(app, ["compare", f"base={run}@base", f"best={run}", "--html", str(page)])
    assert found.exit_code == 0, found.output
    written = page.read_text("utf-8")
    for name in ("constant", "few-shot"):
        assert f"{name}, without training" in written
        assert name in found.output


def test_the_score_of_a_class_has_its_interval(tmp_path: Path) -> None:
    rows = [{"doc_id": i, "target": "ab"[i % 2], "metrics": ["acc"], "acc": float(i % 4 < 2)} for i in range(40)]
    write_jsonl(tmp_path / "x.jsonl", rows)
    page = tmp_path / "page.html"
    given = [f"{name}={tmp_path / 'x.jsonl'}" for name in ("one", "two")]
    found = CliRunner().invoke(app, ["compare", *given, "--html", str(page)])
    assert found.exit_code == 0, found.output
    written = page.read_text("utf-8")
    assert re.search(r"a \(class\)</th><td>20</td><td>50.00 \[[\d.]+, [\d.]+\]</td><td>50.00 \[", written)


@pytest.mark.parametrize(
    ("order", "options", "status"),
    [
        ("ab", [], 0),
        ("ba", [], 1),
        ("ab", ["--margin", "1"], 0),
        ("ba", ["--margin", "1"], 1),
        ("aa", ["--margin", "30"], 0),
    ],
)
def test_the_exit_status_is_for_programs(tmp_path: Path, order: str, options: list[str], status: int) -> None:
    files = {}
    for name, right in (("a", 5), ("b", 30)):
        files[name] = tmp_path / f"{name}.jsonl"
        write_jsonl(files[name], [{"doc_id": i, "metrics": ["acc"], "acc": float(i < right)} for i in range(40)])
    given = [f"{place}={files[name]}" for place, name in enumerate(order)]
    found = CliRunner().invoke(app, ["compare", *given, "--fail-if-worse", "--json", *options])
    assert found.exit_code == status
    assert json.loads(found.stdout)["n"] == 40


def test_one_system_is_no_comparison() -> None:
    error = CliRunner().invoke(app, ["compare", str(FINISHED)]).exception
    assert isinstance(error, UsageError)
    assert "at least two systems" in str(error)


def test_systems_of_one_name_are_told_with_names_for_them(tmp_path: Path) -> None:
    rows = [{"doc_id": i, "metrics": ["acc"], "acc": float(i % 2)} for i in range(4)]
    files = [str(tmp_path / folder / "same.jsonl") for folder in ("a", "b")]
    for file in files:
        Path(file).parent.mkdir()
        write_jsonl(Path(file), rows)
    refused = CliRunner().invoke(app, ["compare", *files]).exception
    assert isinstance(refused, UsageError)
    assert refused.message == f"2 systems have the same name, same: {', '.join(files)}"
    advised = (refused.fix or "").partition("such as ")[2].split()
    assert CliRunner().invoke(app, ["compare", *advised]).exit_code == 0
    labelled = CliRunner().invoke(app, ["compare", *(f"x={file}" for file in files)]).exception
    assert f"x-2={files[1]}" in str(labelled)


def test_the_metric_of_other_harnesses_is_chosen_with_its_filter(tmp_path: Path) -> None:
    """lm-evaluation-harness writes a line for each filter."""
    values = {"strict-match": 0.0, "flexible-extract": 1.0}
    rows = [
        {"doc_id": i, "target": "7", "filter": name, "metrics": ["exact_match"], "exact_match": value}
        for i in range(4)
        for name, value in values.items()
    ]
    for name in ("samples_1.jsonl", "samples_2.jsonl"):
        write_jsonl(tmp_path / name, rows)
    files = [str(tmp_path / f"samples_{n}.jsonl") for n in (1, 2)]
    for name, value in values.items():
        done = CliRunner().invoke(app, ["compare", *files, "--metric", f"exact_match,{name}", "--json"])
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["score"]["value"] == 100 * value
