"""Files with a format number: which of them are read, and which are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ftdojo.bench.leaderboard import Leaderboard
from ftdojo.contract.result import Document, RunResult
from ftdojo.errors import InputError, UsageError

GOLDEN = Path(__file__).parents[1] / "record/events-1e8ec7a.jsonl"
RESULT: dict[str, Any] = next(
    json.loads(line["payload"])["result"]
    for line in map(json.loads, GOLDEN.read_text("utf-8").splitlines())
    if line["kind"] == "finished"
)
"""A result of commit 1e8ec7a, which wrote no number."""
BOARD: dict[str, Any] = {"suite": "s", "boards": [], "missing": [], "attempts": 0}
FILES: list[tuple[type[Document], dict[str, Any]]] = [(RunResult, RESULT), (Leaderboard, BOARD)]

each_file = pytest.mark.parametrize(("model", "content"), FILES, ids=["result.json", "leaderboard.json"])


@each_file
def test_a_file_without_a_number_has_the_first_format(model: type[Document], content: dict[str, Any]) -> None:
    assert model.read(json.dumps(content), "f.json").format == 1
    assert model.read(json.dumps({"format": 1, **content}), "f.json") == model.read(json.dumps(content), "f.json")


@each_file
def test_what_is_written_has_its_number_first(model: type[Document], content: dict[str, Any]) -> None:
    document = model.read(json.dumps(content), "f.json")
    written = json.loads(document.model_dump_json())
    assert next(iter(written.items())) == ("format", 1)
    assert {name: written[name] for name in content} == content
    added = [value for name, value in written.items() if name not in content]
    assert all(value in (1, None, [], {}) for value in added), "added later, with defaults"
    assert model.read(document.model_dump_json(), "f.json") == document


@each_file
def test_a_file_of_a_higher_format_is_refused(model: type[Document], content: dict[str, Any]) -> None:
    for newer in ({**content, "format": 2}, {"format": 2}, {"format": 99, "all": "else"}):
        with pytest.raises(UsageError, match=r"f\.json was made by a newer ftdojo: format") as caught:
            model.read(json.dumps(newer), "f.json")
        assert caught.value.fix == "upgrade ftdojo"


@each_file
def test_a_reader_ignores_a_field_that_a_newer_build_added(model: type[Document], content: dict[str, Any]) -> None:
    assert model.read(json.dumps({**content, "added": [1]}), "f.json") == model.read(json.dumps(content), "f.json")
    with pytest.raises(ValidationError, match="added"):
        model.model_validate({**content, "added": [1]})


def test_a_reader_ignores_an_added_field_inside(tmp_path: Path) -> None:
    inside = {**RESULT, "best": {**RESULT["best"], "added": 1}}
    assert RunResult.read(json.dumps(inside), "f.json") == RunResult.read(json.dumps(RESULT), "f.json")


@each_file
@pytest.mark.parametrize("text", ["", "[]", "{}", "no JSON", '{"format": "x"}', '{"format": 0}', '{"format": null}'])
def test_what_is_no_such_file_is_a_plain_error(model: type[Document], content: dict[str, Any], text: str) -> None:
    del content
    with pytest.raises(InputError, match=r"f\.json"):
        model.read(text, "f.json")


def test_the_published_leaderboard_of_an_earlier_build_is_read() -> None:
    path = Path(__file__).parents[2] / "docs/twin-contest/leaderboard.json"
    board = Leaderboard.read(path.read_bytes(), path.name)
    assert board.format == 1
    assert board.boards
