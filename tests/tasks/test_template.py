"""Templates of tasks and their two filters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ftdojo.contract.recipe_program.templates import strip_answer, to_json
from ftdojo.tasks.extract import from_json
from ftdojo.tasks.template import compile_template, field, render


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}',
        '```json\n{"a": 1}\n```',
        json.dumps('{"a": 1}'),
        json.dumps('```json\n{\n    "a": 1\n}\n```'),
    ],
)
def test_json_is_unwrapped(text: str) -> None:
    assert from_json(text) == {"a": 1}


@pytest.mark.parametrize("text", ["", "no json", '{"a": ', "null", None, '"text"', "[" * 100_000])
def test_anything_else_is_an_empty_mapping(text: str | None) -> None:
    assert from_json(text) == {}


def test_json_is_written_on_one_line_as_it_is() -> None:
    assert to_json({"Grüße": "a\nb"}) == '{"Grüße": "a\\nb"}'


def test_a_missing_field_renders_to_nothing_or_is_an_error() -> None:
    assert render(compile_template("{{ a }}"), {}) == ""
    with pytest.raises(ValueError, match="'a' is undefined"):
        render(compile_template("{{ a }}", strict=True), {})


def test_a_field_renders_as_it_stands() -> None:
    template = compile_template(field("a"), strict=True)
    rows: list[dict[str, Any]] = [{"a": " x "}, {"a": {"b": 1}}, {"a": 0}, {"a": None}, {}]
    assert [render(template, row) for row in rows] == ["x", '{"b": 1}', "0", "", ""]


def test_templates_are_sandboxed() -> None:
    with pytest.raises(ValueError, match="cannot render"):
        render(compile_template("{{ ''.__class__.__mro__[1].__subclasses__() }}"), {})


def test_a_syntax_error_names_its_line() -> None:
    with pytest.raises(ValueError, match="line 2"):
        compile_template("a\n{% if %}")


def test_a_value_becomes_its_text_in_json_and_a_missing_one_becomes_nothing() -> None:
    row = {"gone": None, "nan": float("nan"), "tags": ["sum", None], "done": True, "n": 2, "Full name": "Ann"}
    text = "{{ gone }}|{{ nan }}|{{ tags }}|{{ done }}|{{ n }}|{{ gone ~ n ~ done }}"
    text += "|{{ tags | join('+') }}|{{ gone | string }}"
    shown = render(compile_template(text, strict=True), row)
    assert shown == '||["sum", null]|true|2|2true|sum|'
    assert not {"None", "nan", "True", "'"} & {*shown.split("|")}


def test_columns_whose_names_are_no_words_are_reached() -> None:
    row = {"Full name": "Ann", "e-mail": "a@b", "in": "x", "class": "y", 'a "quoted" name': 3}
    assert [render(compile_template(field(name), strict=True), row) for name in row] == ["Ann", "a@b", "x", "y", "3"]
    assert render(compile_template("{{ row['Full name'] }}", strict=True), row) == "Ann"
    assert render(compile_template("{{ row }}", strict=True), {"row": "its own"}) == "its own"
    with pytest.raises(ValueError, match="no attribute"):
        render(compile_template("{{ row['Other name'] }}", strict=True), row)


def test_bytes_are_no_text() -> None:
    with pytest.raises(ValueError, match="3 bytes"):
        render(compile_template("{{ picture }}", strict=True), {"picture": b"\x89PN"})


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("    y = 1\n    return y\n", "    y = 1\n    return y"),
        ("\n \n\treturn 1", "\treturn 1"),
        (" yes \n", "yes"),
        ("a\n\n  b", "a\n\n  b"),
        (" \n ", ""),
    ],
)
def test_an_answer_keeps_its_indentation(text: str, kept: str) -> None:
    assert strip_answer(text) == kept
    assert render(compile_template(field("a")), {"a": text}, strip_answer) == kept
