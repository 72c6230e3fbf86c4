"""Profiles of raw files, flaws included."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftdojo.rawdata import profile


def test_fields_types_gaps_and_broken_json(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "meta": '{"gt": 1}', "n": 3},
        {"id": "2", "meta": '{"gt": ', "n": None},
        {"id": "3", "meta": '{"gt": 2}'},
        "not a row",
    ]
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.json").write_text(json.dumps(rows))
    (found,) = profile(tmp_path).files
    assert (found.path, found.rows, found.malformed_rows) == ("sub/a.json", 3, 1)
    fields = {f.name: f for f in found.fields}
    assert fields["n"].types == {"int": 1}
    assert fields["n"].missing_share == pytest.approx(2 / 3)
    assert fields["meta"].broken_json_share == pytest.approx(1 / 3)
    assert fields["id"].broken_json_share is None
    assert json.loads(found.samples[0]) == rows[0]


def test_lines_and_tables(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"x": "abc"}\n\nbroken\n{"x": "abcdef"}\n')
    (tmp_path / "b.csv").write_text(',Question,A\n0,"Was, bitte?",x\n', "utf-8")
    lines, table = profile(tmp_path).files
    assert (lines.rows, lines.malformed_rows) == (2, 1)
    assert lines.fields[0].chars_p95 in {3, 6}
    assert [f.name for f in table.fields] == ["", "Question", "A"]


def test_samples_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"x": "y" * 10**6}) + "\n")
    assert len(profile(tmp_path).files[0].samples[0]) <= 600
