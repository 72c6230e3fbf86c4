"""Three usual forms of a training row, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

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
        ({"prompt": "p", "completion": 3}, "'completion' must be text, got int"),
        ({"prompt": " ", "completion": "c"}, "'prompt' is empty"),
        ({"messages": [{"role": "user", "content": "u"}]}, "must end with an assistant turn"),
        ({"messages": [{"role": "tool", "content": "t"}, {"role": "assistant", "content": "a"}]}, "got roles"),
        ({"messages": ["hello"]}, "list of"),
        ({"instruction": "i", "input": 5, "output": "o"}, "'input' must be text, got int"),
        ({"messages": [{"role": ["user"], "content": "u"}, ASSISTANT]}, "got roles"),
        ({"messages": [USER, {**ASSISTANT, "weight": 0}]}, "nothing is learned"),
        ({"messages": [{**USER, "weight": 1}, ASSISTANT]}, "'weight' must be 0 or 1, of an assistant turn"),
        ({"messages": [USER, {**ASSISTANT, "mood": "glad"}]}, "a turn has the key 'mood'"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}, ASSISTANT]}, "part of type 'image_url'"),
        ({"messages": [USER, {"role": "assistant", "tool_calls": [{"id": "1"}]}]}, "'tool_calls' must be a list of"),
        ({"messages": [USER, ASSISTANT], "tools": "[" + '{"a":' * 99 + "1" + "}" * 99 + "]"}, "more than 50 deep"),
        ({"messages": [USER, ASSISTANT], "tools": "none"}, "'tools' must be a list of"),
        ({"messages": [USER, ASSISTANT], "tools": [{"name": "\ud800"}]}, "half a character"),
    ],
)
def test_faulty_rows_say_what_is_wrong(row: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_row(row)


def test_empty_cells_of_tables_are_no_input() -> None:
    for empty in (None, "", float("nan")):
        assert parse_row({"instruction": "i", "input": empty, "output": "o"}).turns == ("i", "o")


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
