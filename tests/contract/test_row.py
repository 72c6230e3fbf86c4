"""Three usual forms of a training row, and nothing else."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.contract.row import parse_row

USER: dict[str, Any] = {"role": "user", "content": "u"}
ASSISTANT: dict[str, Any] = {"role": "assistant", "content": "a"}
CALL = {"function": {"name": "look_up", "arguments": '{"word": "river", "deep": ["line\\nbreak"]}'}}


@pytest.mark.parametrize(
    ("row", "turns"),
    [
        ({"prompt": "p", "completion": "c"}, ("p", "c")),
        ({"instruction": "i", "input": "x", "output": "o"}, ("i\n\nx", "o")),
        ({"instruction": "i", "input": "", "output": "o"}, ("i", "o")),
        ({"instruction": "i", "output": "o"}, ("i", "o")),
        (
            {"messages": [{"role": r, "content": c} for r, c in [("system", "s"), ("user", "u"), ("assistant", "a")]]},
            ("s", "u", "a"),
        ),
    ],
)
def test_known_forms(row: dict[str, Any], turns: tuple[str, ...]) -> None:
    assert parse_row(row).turns == turns


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"text": "t"}, "none of the known forms"),
        ({"prompt": "p", "completion": [3]}, "'completion' must be text, got list"),
        ({"prompt": " ", "completion": "c"}, "'prompt' is empty"),
        ({"messages": [{"role": "user", "content": "u"}]}, "must end with an assistant turn"),
        ({"messages": [{"role": "tool", "content": "t"}, {"role": "assistant", "content": "a"}]}, "got roles"),
        ({"messages": ["hello"]}, "list of"),
        ({"messages": [{"role": ["user"], "content": "u"}, {"role": "assistant", "content": "a"}]}, "must be text"),
        ({"instruction": "i", "input": ["x"], "output": "o"}, "'input' must be text, got list"),
        ({"instruction": "i", "input": True, "output": "o"}, "'input' must be text, got bool"),
        ({"prompt": "p", "completion": float("nan")}, "'completion' must be text, got float"),
        ({"messages": [USER, {**ASSISTANT, "weight": 0}]}, "nothing is learned"),
        ({"messages": [{**USER, "weight": 1}, ASSISTANT]}, "'weight' must be 0 or 1, of an assistant turn"),
        ({"messages": [USER, {**ASSISTANT, "mood": "glad"}]}, "a turn has the key 'mood'"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}, ASSISTANT]}, "part of type 'image_url'"),
        ({"messages": [USER, {"role": "assistant", "tool_calls": [{"id": "1"}]}]}, "'tool_calls' must be a list of"),
        ({"messages": [USER, ASSISTANT], "tools": "[" + '{"a":' * 99 + "1" + "}" * 99 + "]"}, "more than 50 deep"),
        ({"messages": [USER, {"role": "assistant", "content": {}, "tool_calls": [CALL]}]}, "must be text, got dict"),
        ({"messages": [USER, {"role": "assistant", "content": "\ud800", "tool_calls": [CALL]}]}, "half a character"),
        ({"messages": [USER, ASSISTANT], "tools": "none"}, "'tools' must be a list of"),
        ({"messages": [USER, ASSISTANT], "tools": [{"name": "\ud800"}]}, "half a character"),
    ],
)
def test_faulty_rows_say_what_is_wrong(row: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_row(row)


@pytest.mark.parametrize(
    ("value", "prompt"),
    [(float("nan"), "Add"), (None, "Add"), (" ", "Add"), (0, "Add\n\n0"), (2.5, "Add\n\n2.5"), ("x", "Add\n\nx")],
)
def test_an_empty_cell_is_no_input_and_a_number_is_its_text(value: object, prompt: str) -> None:
    assert parse_row({"instruction": "Add", "input": value, "output": 6}).turns == (prompt, "6")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
keys = st.sampled_from(["prompt", "completion", "instruction", "input", "output", "messages", "subtask", "x"])
turn = st.dictionaries(
    st.sampled_from(["role", "content", "weight"]), json_values | st.sampled_from(["user", "assistant"])
)


@given(row=st.dictionaries(keys, json_values | st.lists(turn, max_size=3), max_size=4))
def test_a_row_of_any_values_is_read_or_refused_with_a_reason(row: dict[str, Any]) -> None:
    with contextlib.suppress(ValueError):
        assert all(isinstance(text, str) and text.strip() for text in parse_row(row).turns)


def test_texts_in_parts_are_joined_and_keys_without_value_ignored() -> None:
    content = [{"type": "text", "text": "u"}, {"type": "text", "text": "v"}]
    row = parse_row({"messages": [{"role": "user", "content": content, "name": None}, {**ASSISTANT, "refusal": None}]})
    assert row.turns == ("uv", "a")
    assert row.messages == ({"role": "user", "content": "uv"}, ASSISTANT)


def test_reasoning_tools_and_calls_are_kept_and_compared_with_the_evaluation_items() -> None:
    tools = [{"type": "function", "function": {"name": "look_up", "description": "a secret question"}}]
    calling = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    answer = {"role": "assistant", "content": "a", "reasoning": "because"}
    row = parse_row({"messages": [USER, calling, {"role": "tool", "content": ""}, answer], "tools": json.dumps(tools)})
    assert row.prompt[0]["tools"] == tools
    assert row.prompt[1]["tool_calls"][0]["function"]["arguments"] == {"word": "river", "deep": ["line\nbreak"]}
    assert row.messages[-1] == {"role": "assistant", "content": "a", "reasoning_content": "because"}
    assert row.completion == "a"
    assert "a secret question" in row.texts[0]
    assert "line\nbreak" in row.texts[1]
    assert row.texts[-1] == "a\nbecause"
    assert row.with_texts(row.texts) == row


def test_a_turn_with_another_text_is_plain() -> None:
    row = parse_row({"messages": [USER, {"role": "assistant", "content": "", "tool_calls": [CALL], "weight": 0}, USER,
                                  {**ASSISTANT, "thinking": "t"}]})  # fmt: skip
    changed = row.with_texts(["u", "shuffled", "u", "other"])
    assert changed.messages == (USER, {"role": "assistant", "content": "shuffled", "weight": 0}, USER,
                                {"role": "assistant", "content": "other"})  # fmt: skip


def test_a_row_can_end_with_a_call() -> None:
    row = parse_row({"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}]})
    assert json.loads(row.completion)["name"] == "look_up"
    assert row.messages[-1]["content"] == ""
