"""Profiles of raw files, including their flaws."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo import tasks
from ftdojo.data import prepare, profile, profiled
from ftdojo.record import Home


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


def test_parquet_is_read_as_it_is(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    rows = [
        {
            "id": i,
            "cot": {"steps": ["a", "b"]},
            "image": b"123",
            "answer": None if i else "yes",
            "day": date(2025, 1, i + 1),
        }
        for i in range(4)
    ]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 but not really")
    good, bad = profile(tmp_path).files
    assert (good.rows, good.malformed_rows, bad.rows, bad.malformed_rows) == (4, 0, 0, 1)
    fields = {f.name: f for f in good.fields}
    assert {name: list(f.types) for name, f in fields.items()} == {
        "id": ["int"],
        "cot": ["dict"],
        "image": ["bytes"],
        "answer": ["str"],
        "day": ["str"],
    }
    assert fields["answer"].missing_share == 0.75
    assert json.loads(good.samples[0])["image"] == "<3 bytes>"


def test_labels_are_fields_with_few_short_values(tmp_path: Path) -> None:
    rows = [
        {"label": "yes" if i % 4 else "no", "grade": i % 20, "flag": i < 3, "id": f"{i:03}", "text": "word " * 20}
        for i in range(60)
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    labels = {f.name: f.labels for f in profile(tmp_path).files[0].fields}
    assert labels["label"] == {"yes": 45, "no": 15}
    assert list(labels["label"] or {}) == ["yes", "no"], "the most frequent first"
    assert labels["grade"] == {str(i): 3 for i in range(20)}
    assert labels["flag"] == {"false": 57, "true": 3}
    assert labels["id"] is None
    assert labels["text"] is None


@pytest.mark.parametrize(("rows", "counted"), [(1, 1), (2000, 2000), (2001, 1001), (9000, 1125)])
def test_tokens_are_counted_on_rows_that_are_evenly_spaced(tmp_path: Path, rows: int, counted: int) -> None:
    (tmp_path / "a.jsonl").write_text("".join(f'{{"x": "{i}", "gone": ""}}\n' for i in range(rows)))
    asked: list[list[str]] = []

    def count(texts: list[str]) -> list[int]:
        asked.append(texts)
        return [int(text) for text in texts]

    (found,) = profile(tmp_path, count).files
    numbers = [int(text) for text in asked[0]]
    assert (found.rows, found.token_rows, len(numbers)) == (rows, counted, counted)
    assert len({b - a for a, b in itertools.pairwise(numbers)}) <= 1
    assert numbers[0] == 0
    assert numbers[-1] >= rows - rows // counted - 1
    assert found.fields[0].tokens_p50 == numbers[(counted - 1) // 2]
    assert (found.fields[1].tokens_p50, found.fields[1].missing_share) == (0, 1)


def test_without_a_counter_there_are_no_tokens(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"x": "y"}\n')
    (found,) = profile(tmp_path).files
    assert (found.token_rows, found.fields[0].tokens_p50) == (0, None)


value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(rows=st.lists(value, max_size=8), indent=st.sampled_from([None, 1]), chunk=st.integers(1, 9))
def test_a_json_list_is_read_piece_by_piece(rows: list[Any], indent: int | None, chunk: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module("ftdojo.contract.recipe_program.files"), "JSON_CHUNK", chunk)
        path = Path(folder, "a.json")
        path.write_text(json.dumps(rows, indent=indent, ensure_ascii=False), "utf-8")
        (found,) = profile(Path(folder)).files
    objects = [row for row in rows if isinstance(row, dict)]
    assert (found.rows, found.malformed_rows) == (len(objects), len(rows) - len(objects))
    assert [f.name for f in found.fields] == list(dict.fromkeys(key for row in objects for key in row))


@pytest.mark.parametrize(
    ("content", "rows", "malformed"),
    [
        (b'[{"a": 1}, {"a": 2}, {"a', 2, 1),
        (b'[{"a": 1}, {"a": 2}', 2, 1),
        (b'[{"a": 1}, oops, {"a": 2}]', 1, 1),
        (b'[{"a": "\xff"}]', 1, 0),
        (b'\xef\xbb\xbf[{"a": 1}]', 1, 0),
        (b'{"a": 1}', 1, 0),
        (b'{"a": 1}\n{"a": 2}\n', 2, 0),
        (b'[{"a": 1}, 12, 13]', 1, 2),
        (b"[" * 10**5, 0, 1),
        (b"[]", 0, 0),
        (b"", 0, 0),
        (b"oops", 0, 1),
    ],
)
def test_broken_json_is_counted(tmp_path: Path, content: bytes, rows: int, malformed: int) -> None:
    (tmp_path / "a.json").write_bytes(content)
    (found,) = profile(tmp_path).files
    assert (found.rows, found.malformed_rows) == (rows, malformed)


def test_tables_with_flaws(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfq,a\n1,x\n2\n3,y,z\n\xff,w\n" + b"x" * 200_000 + b",v\n4,u\n")
    (found,) = profile(tmp_path).files
    assert (found.rows, found.malformed_rows) == (5, 1)
    assert [(f.name, f.missing_share) for f in found.fields] == [("q", 0.0), ("a", pytest.approx(0.2))]


def test_fields_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({f"row {i}": {} for i in range(250)}))
    (found,) = profile(tmp_path).files
    assert (len(found.fields), found.fields_left_out) == (100, 150)


WATCHED = r"""
import re, sys
from pathlib import Path
from pyarrow import parquet
from ftdojo.data import profile
def peak():
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
before = peak()
(found,) = profile(Path(sys.argv[1]), lambda texts: [len(text) for text in texts]).files
print(found.rows, found.malformed_rows, peak() - before)
"""


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    if path.suffix == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        path.write_text("i,text\n" + "".join(f"{row['i']},{row['text']}\n" for row in rows))
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, suffix: str) -> None:
    """200,000 rows, whose texts alone have 105 MB, in a separate process."""
    text = "a question of some length " * 20
    write_table(tmp_path / f"a{suffix}", [{"i": i, "text": text + str(i)} for i in range(200_000)])
    done = subprocess.run([sys.executable, "-c", WATCHED, tmp_path], capture_output=True, text=True, check=True)
    rows, malformed, kib = map(int, done.stdout.split())
    assert (rows, malformed) == (200_000, 0)
    assert kib < 100 * 2**10, "held at once they would need 160 MiB"


def test_a_profile_is_made_once(tmp_path: Path, approve: Path) -> None:
    home, calls = Home(tmp_path), []

    def count(texts: list[str]) -> list[int]:
        calls.append(len(texts))
        return [1] * len(texts)

    data = prepare(tasks.get(approve), "folder", home)
    first = profiled(data, home, count=count, tokenizer="t")
    assert first == profile(data.raw, lambda texts: [1] * len(texts))
    assert profiled(data, home, count=count, tokenizer="t") == first
    assert calls == [80, 80], "once a field"
    assert profiled(data, home).files[0].token_rows == 0
