"""Templates of tasks and their two filters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ftdojo.tasks.extract import from_json
from ftdojo.tasks.template import compile_template, field, render, to_json


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
