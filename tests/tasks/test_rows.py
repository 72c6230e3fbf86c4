"""JSON lines: written rows are read back, and every broken line is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftdojo.errors import InputError
from ftdojo.tasks.rows import read_jsonl, scan_jsonl, write_jsonl


def test_rows_survive_a_round_trip(tmp_path: Path) -> None:
    rows = [{"a": "ü\u2028x", "b": [1, None]}, {}]
    write_jsonl(tmp_path / "x.jsonl", rows)
    assert read_jsonl(tmp_path / "x.jsonl") == rows


def test_every_broken_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b'{"a": 1}\n\n{"a": \n[1]\n\xff\n' + b"[" * 100_000 + b"\n")
    with pytest.raises(InputError) as caught:
        read_jsonl(tmp_path / "x.jsonl")
    assert [f.where for f in caught.value.findings] == [f"x.jsonl: line {n}" for n in (3, 4, 5, 6)]
    assert [value for _, value in scan_jsonl(tmp_path / "x.jsonl")] == [{"a": 1}, None, [1], None, None]


def test_a_missing_file_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_jsonl(tmp_path / "none.jsonl")
