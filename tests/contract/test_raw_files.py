"""One reader per format: what the profile, the check, a recipe and the evaluation items see is the same."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ftdojo.contract.recipe_program import files, render
from ftdojo.contract.recipe_program.files import find_encoding
from ftdojo.contract.recipe_program.files import read_file as read
from ftdojo.data import profile
from ftdojo.tasks.raw_files import read_rows

ROWS: list[dict[str, Any]] = [{"q": "Grüße\u2028aus, „Köln“", "a": "yes"}, {"q": "two", "a": None}]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
TABLE = 'q,a\n"Grüße\u2028aus, „Köln“",yes\ntwo,\n'
LATIN = [{"q": "Grüße", "a": "yes"}]


def written(folder: Path, name: str) -> Path:
    """A file of every form and encoding that holds ``ROWS``."""
    path = folder / f"rows{Path(name).suffix}"
    encoding = {"bom": "utf-8-sig", "utf16": "utf-16", "utf16be": "utf-16-be"}.get(Path(name).stem, "utf-8")
    if path.suffix in (".csv", ".tsv"):
        text = (
            TABLE
            if path.suffix == ".csv"
            else TABLE.replace(",", "\t").replace("\taus\t", "aus,").replace("\t „", ", „")
        )
        path.write_bytes(text.replace("\n", "\r\n" if name.startswith("crlf") else "\n").encode(encoding))
    elif path.suffix in (".parquet", ".arrow", ".feather", ".xlsx"):
        import pandas

        frame = pandas.DataFrame(ROWS)
        if path.suffix == ".xlsx":
            frame.to_excel(path, index=False)
        else:
            frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_feather(path)
    else:
        objects = "\n".join(json.dumps(row, indent=1) for row in ROWS)
        whole = json.dumps(ROWS, indent=1, ensure_ascii=False)
        text = {"list": whole, "objects": objects}.get(Path(name).stem, LINES)
        path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "name",
    [
        *("lines.jsonl", "bom.jsonl", "utf16.jsonl", "utf16be.jsonl", "list.jsonl", "objects.jsonl", "lines.ndjson"),
        *("list.json", "lines.json", "bom.json", "table.csv", "bom.csv", "crlf.csv", "utf16.csv", "table.tsv"),
        *("x.parquet", "x.arrow", "x.feather", "x.xlsx"),
    ],
)
def test_every_form_gives_the_same_rows_everywhere(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name)
    rows = [{key: value or None for key, value in row.items()} for row in read(path)]
    assert rows == ROWS
    assert len(read_rows(path)) == 2
    (found,) = profile(tmp_path).files
    assert (found.rows, found.malformed_rows) == (2, 0)
    source = {"path": path.name, "prompt": "{{ q }}", "completion": "{{ a or 'none' }}", "where": "", "subtask": ""}
    pairs = list(render(source, tmp_path, 100))
    assert [(pair["prompt"], pair["completion"]) for pair in pairs] == [(ROWS[0]["q"], "yes"), ("two", "none")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", '{"q": "Grüße", "a": "yes"}\n'),
        ("a.csv", "q;a\nGrüße;yes\n"),
        ("a.json", '[{"q": "Grüße", "a": "yes"}]'),
    ],
)
def test_bytes_that_are_not_utf_8_are_read_as_latin_1_and_that_can_be_told(
    tmp_path: Path, name: str, content: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode("latin-1"))
    assert list(read(path)) == LATIN
    assert find_encoding(path) == "cp1252"
    path.write_text(content, "utf-8")
    assert (list(read(path)), find_encoding(path)) == (LATIN, "utf-8")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_of_a_table_is_found(tmp_path: Path, delimiter: str) -> None:
    (tmp_path / "a.csv").write_text(f'"q, or; more"{delimiter}a\n"1,2;3|4"{delimiter}yes\n', "utf-8")
    assert list(read(tmp_path / "a.csv")) == [{"q, or; more": "1,2;3|4", "a": "yes"}]


def test_values_that_json_does_not_have_are_missing_and_other_types_become_json(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    (tmp_path / "a.jsonl").write_text('{"a": NaN, "b": -Infinity, "c": [NaN, 1]}\n')
    assert list(read(tmp_path / "a.jsonl")) == [{"a": None, "b": None, "c": [None, 1]}]
    row: dict[str, Any] = {
        "n": float("nan"),
        "day": datetime.datetime(2026, 1, 2),  # noqa: DTZ001 - as tables hold them
        "time": datetime.datetime(2026, 1, 2, 3, 4),  # noqa: DTZ001
        "price": Decimal("1.50"),
        "inner": {"x": float("inf")},
        "picture": b"\x89PNG",
    }
    parquet.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
    plain = {"n": None, "day": "2026-01-02", "time": "2026-01-02T03:04:00", "price": "1.50", "inner": {"x": None}}
    assert list(read(tmp_path / "a.parquet")) == [{**plain, "picture": b"\x89PNG"}]


def test_what_is_no_text_is_one_row_that_cannot_be_read_and_a_huge_file_takes_no_memory(tmp_path: Path) -> None:
    for name in ("a.csv", "a.jsonl", "a.json", "a.tsv"):
        with (tmp_path / name).open("wb") as stream:
            stream.truncate(2 * 2**30)  # sparse: 2 GiB of NUL bytes
        assert list(read(tmp_path / name)) == [None]
        assert find_encoding(tmp_path / name) is None
    (tmp_path / "b.csv").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 9)
    assert list(read(tmp_path / "b.csv")) == [None]
    for name in ("b.xlsx", "b.parquet", "b.arrow"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 but not really")
        assert list(read(tmp_path / name)) == [None]


def test_a_line_that_is_too_long_is_passed_over_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_CHARS", 100)
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n{"a": "' + "x" * 250 + '"}\n{"a": 2}\n')
    assert list(read(tmp_path / "a.jsonl")) == [{"a": 1}, None, {"a": 2}]
