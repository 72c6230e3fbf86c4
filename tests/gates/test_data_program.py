"""Data programs that fail in every usual way, each reported as one finding; and checks of the rows they write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ftdojo.contract.recipe import Recipe
from ftdojo.contract.recipe_program import MARK
from ftdojo.data import OverlapIndex
from ftdojo.errors import InputError
from ftdojo.gates import data_program
from ftdojo.gates.decontamination import decontaminate
from ftdojo.sandbox import Limits
from ftdojo.sandbox.limits import MIB
from ftdojo.training.sft import Sft

EMPTY = OverlapIndex.from_texts([])
TIGHT = Limits(wall_s=2, memory_bytes=300 * MIB, file_bytes=4 * MIB, folder_bytes=8 * MIB)
OPEN = "import sys\nout = open(sys.argv[sys.argv.index('--output') + 1], 'w')\n"


@pytest.mark.parametrize(
    ("program", "code", "message"),
    [
        ("1 / 0", "program_failed", "ZeroDivisionError"),
        ("import time; time.sleep(60)", "program_timeout", "longer than 2 s"),
        ("pass", "output_missing", "not written"),
        (OPEN + "out.write('{}\\n[1]\\nnot json\\n')", "bad_json", "line 2 is list"),
        (OPEN + "out.write('x' * 10**10)", "program_", ""),
        (OPEN + "for i in range(10**7): out.write('x' * 1000)", "program_failed", "File too large"),
        ("x = 'y' * 10**10", "program_", "emory"),
    ],
)
def test_a_failing_program_is_one_finding(tmp_path: Path, program: str, code: str, message: str) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    tmp_path.chmod(0o755)
    with pytest.raises(InputError) as caught:
        data_program.run(program, raw, Sft(), limit=5, limits=TIGHT)
    (finding,) = caught.value.findings
    assert finding.code.startswith(code)
    assert finding.gate == 2
    assert message in finding.message
    assert finding.fix


def run_recipe(folder: Path, prompt: str, *raw: dict[str, Any]) -> data_program.Written:
    (folder / "raw").mkdir()
    (folder / "raw/train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in raw), "utf-8")
    folder.chmod(0o755)
    recipe = Recipe.model_validate({"sources": [{"path": "train.jsonl", "prompt": prompt, "completion": "{{ a }}"}]})
    return data_program.run(recipe, folder / "raw", Sft(), limit=9, limits=Limits())


def test_a_recipe_of_which_every_row_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        run_recipe(tmp_path, "{% include '/etc/passwd' %}", {"a": "x"}, {"a": "y"})
    (finding,) = caught.value.findings
    assert finding.code == "no_rows"
    assert "wrote no rows: 2 raw rows passed over: each cannot be rendered (no loader" in finding.message
    assert finding.fix == "correct the templates"


def test_raw_rows_that_give_none_are_a_warning_whatever_their_reason_holds(tmp_path: Path) -> None:
    prompt = "{{ row['" + MARK + "'].inner }}"
    written = run_recipe(tmp_path, prompt, {"a": "x"}, {"a": "y", MARK: {"inner": "asked"}})
    (warning,) = written.warnings
    assert [row.completion for row in written.rows] == ["y"]
    assert warning.code == "rows_passed_over"
    assert warning.message.startswith("1 raw row passed over: each cannot be rendered")
    assert MARK in warning.message.partition("rendered")[2]


def pairs(*completions: str) -> list[dict[str, Any]]:
    return [{"prompt": f"question number {i}", "completion": text} for i, text in enumerate(completions)]


@pytest.mark.parametrize(
    ("rows", "code", "message"),
    [
        ([], "no_rows", "no rows"),
        (pairs(*"abcdefgh"), "too_many_rows", "8 rows"),
        ([*pairs("a"), {"prompt": "b"}], "bad_row", "row 2: keys ['prompt']"),
        (pairs("a", " "), "bad_row", "row 2: 'completion' is empty"),
        ([{"prompt": "a", "completion": [3]}], "bad_row", "must be text"),
        ([{"messages": [{"role": "user", "content": "a"}]}], "bad_row", "assistant"),
    ],
)
def test_faulty_rows_are_named_by_number(rows: list[dict[str, Any]], code: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        data_program.parse(rows, Sft(), max_rows=6)
    assert caught.value.findings[0].code == code
    assert message in caught.value.findings[0].message


def test_all_rows_are_checked_and_only_some_are_told() -> None:
    rows = [*pairs(*["a", "b"] * 400), *({"text": "x"} for _ in range(9))]
    with pytest.raises(InputError, match="and 4 more") as caught:
        data_program.parse(rows, Sft(), max_rows=2000)
    assert "row 801" in caught.value.findings[0].message


def test_rows_that_hold_evaluation_items_are_counted_like_others() -> None:
    index = OverlapIndex.from_texts(["question number 1", "question number 2"])
    rows = data_program.parse(pairs(*"abcd"), Sft(), max_rows=9)
    clean, untouched = decontaminate(rows, index), decontaminate(rows, EMPTY)
    assert [clean.rows[0], clean.rows[3]] == [rows[0], rows[3]]
    assert (clean.found, untouched.found) == (2, 0)


def test_rows_keep_their_subtask_and_are_counted_by_it() -> None:
    rows = [{**row, "subtask": name} for row, name in zip(pairs(*"abc"), "xxy", strict=True)]
    parsed = data_program.parse(rows, Sft(), max_rows=9)
    assert [row.source for row in parsed] == rows
    assert data_program.report(parsed).per_subtask == {"x": 2, "y": 1}
