"""Three usual forms of a training row, and nothing else."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.contract.row import parse_row


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
