"""Answer extraction: the reference's rules on known texts; any text is handled in time and without an exception."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ftdojo.tasks.extract import CLOSE, count, drop_thinking, json_object, json_text, json_value, scalar_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"count": "2"}', {"count": "2"}),
        ('  {"count": 2}\n', {"count": 2}),
        ('<think>{"count": 1}</think>{"count": 2}', {"count": 2}),
        ('Sure!\n```json\n{\n    "count": "2"\n}\n```\nDone.', {"count": "2"}),
        ("```\n[1]\n```", [1]),
        ("```\n[1]\n```\n```json\n[2]\n```", [2]),
        ("```json\n[1]\n```\n```json\n[2]\n```", [1]),
        ("```json\n[1]", [1]),
        ('{"a": "x\n    y"}', {"a": "xy"}),
        ('The answer is {"count": 2}', None),
        ("", None),
    ],
)
def test_the_front_end_of_the_reference(text: str, expected: Any) -> None:
    assert json_value(text) == expected


def test_an_unclosed_thought_stays() -> None:
    assert drop_thinking("<think>a</think> b <think>c") == "b <think>c"


def test_a_thought_that_the_prompt_opened_is_dropped() -> None:
    assert drop_thinking("so it is 4</think>\n5") == "5"
    assert drop_thinking("</think>a<think>b</think>") == "a"


def test_an_object_is_also_found_within_prose() -> None:
    assert json_object('The answer is {"a": {"b": 1}} as {you} see') == {"a": {"b": 1}}
    assert json_object("[1]") is None
    assert json_object("{broken") is None


def test_only_scalars_are_answers() -> None:
    assert [scalar_text(v) for v in (" a ", 2, 2.5, True, None, [1], {"a": 1})] == ["a", "2", "2.5", "True", "", "", ""]


def test_counts_are_integers_of_bounded_length() -> None:
    assert [count(t) for t in ("2", " 2 ", "-1", "٣", "2.0", "", "1234567890")] == [2, 2, -1, 3, None, None, None]


def test_hostile_outputs_are_read_within_a_second(hostile: str) -> None:
    start = time.process_time()
    for function in (drop_thinking, json_text, json_value, json_object):
        function(hostile)
    assert time.process_time() - start < 1.0


@given(st.text() | st.text(alphabet='{}[]":`<>/thinkjso0 \n\\', max_size=200))
def test_any_text_is_read(text: str) -> None:
    assert len(json_text(text)) <= len(text)
    json_object(text)


@given(
    st.recursive(
        st.integers() | st.text() | st.booleans(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_a_json_value_is_found_plain_and_fenced(value: Any) -> None:
    text = json.dumps(value)
    assume(CLOSE not in text)  # what stands before it is thinking
    assert json_value(text) == value
    if "```" not in text and "<think>" not in text:
        assert json_value(f"Answer:\n```json\n{text}\n```") == value
