"""Three usual forms of a training row, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

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
        ({"prompt": "p", "completion": 3}, "'completion' must be text, got int"),
        ({"prompt": " ", "completion": "c"}, "'prompt' is empty"),
        ({"messages": [{"role": "user", "content": "u"}]}, "must end with an assistant turn"),
        ({"messages": [{"role": "tool", "content": "t"}, {"role": "assistant", "content": "a"}]}, "got roles"),
        ({"messages": ["hello"]}, "list of"),
    ],
)
def test_faulty_rows_say_what_is_wrong(row: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_row(row)
