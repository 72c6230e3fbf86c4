"""Training rows: read three common forms, distinguished by their keys, as prompt and completion."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ftdojo.contract.task_spec import Message

SURROGATE = re.compile(r"[\ud800-\udfff]")
"""A lone surrogate: legal in JSON escapes, not encodable as UTF-8, rejected by tokenizers."""
FORMS = "prompt/completion, instruction/input/output or messages"
SUBTASK = "subtask"
MAX_SUBTASK_CHARS = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One training pair: the turns that are given, and the assistant's turn that is learned."""

    prompt: tuple[Message, ...]
    completion: str
    subtask: str = ""
    """The sub-task that it teaches, if it names one."""
    source: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The JSON object that it was parsed from."""

    @property
    def turns(self) -> tuple[str, ...]:
        """The text of every turn, the completion last."""
        return (*(turn["content"] for turn in self.prompt), self.completion)

    @property
    def texts(self) -> tuple[str, ...]:
        """All text that is compared with the evaluation items: first the prompt's, then all text that is learned."""
        return self.turns

    def with_texts(self, texts: Sequence[str]) -> Row:
        """Return the same row with other ``texts``, equal in number and order."""
        roles = [*(turn["role"] for turn in self.prompt), "assistant"]
        messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=True)]
        return parse_row({"messages": messages, **({SUBTASK: self.subtask} if self.subtask else {})})


def parse_row(row: Mapping[str, Any]) -> Row:
    """Parse one row as a training pair.

    Forms: ``prompt``/``completion``; Alpaca ``instruction``/``input``/``output``; chat ``messages`` that end with the
    assistant's turn. Each may name its ``subtask``.

    Raises:
        ValueError: with the fault of the row.
    """
    subtask = _subtask(row.get(SUBTASK, ""))
    return replace(_parse({key: value for key, value in row.items() if key != SUBTASK}), subtask=subtask, source=row)


def _parse(row: Mapping[str, Any]) -> Row:
    keys = row.keys()
    if keys == {"prompt", "completion"}:
        return _pair([("user", row["prompt"])], row["completion"])
    if keys in ({"instruction", "output"}, {"instruction", "input", "output"}):
        given = [_text("instruction", row["instruction"]), _optional("input", row.get("input"))]
        return _pair([("user", "\n\n".join(filter(None, given)))], row["output"])
    if keys == {"messages"}:
        return _chat(row["messages"])
    raise ValueError(f"keys {sorted(map(str, keys))} are none of the known forms: {FORMS}")


def _subtask(name: Any) -> str:
    """Check a sub-task's name: rows are counted by it, and the counts are recorded, shown and given to agents."""
    if not isinstance(name, str) or len(name) > MAX_SUBTASK_CHARS or SURROGATE.search(name):
        raise ValueError(f"'{SUBTASK}' must be text of at most {MAX_SUBTASK_CHARS} characters")
    return name


def _chat(messages: Any) -> Row:
    if not isinstance(messages, list) or not all(
        isinstance(m, dict) and {"role", "content"} <= m.keys() for m in messages
    ):
        raise ValueError("'messages' must be a list of {role, content}")
    roles = [m["role"] for m in messages]
    if not all(isinstance(role, str) for role in roles):
        raise ValueError(f"the role of a message must be text, got {roles[:9]}")
    if len(roles) < 2 or roles[-1] != "assistant" or not set(roles) <= {"system", "user", "assistant"}:
        raise ValueError(f"'messages' must end with an assistant turn after at least one other, got roles {roles[:9]}")
    return _pair([(m["role"], m["content"]) for m in messages[:-1]], messages[-1]["content"])


def _pair(prompt: list[tuple[str, Any]], completion: Any) -> Row:
    turns = tuple({"role": role, "content": _text("prompt", content)} for role, content in prompt)
    return Row(turns, _text("completion", completion))


def _optional(name: str, value: Any) -> str:
    """Return a text that may be missing: null, NaN (an empty cell of a table) and blank text are none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return "" if isinstance(value, str) and not value.strip() else _text(name, value)


def _text(name: str, value: Any) -> str:
    """Return a text; a number is its JSON text, as tables hold numbers where text is due."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return json.dumps(value)
    if not isinstance(value, str):
        raise ValueError(f"'{name}' must be text, got {type(value).__name__}")
    if not value.strip():
        raise ValueError(f"'{name}' is empty")
    if SURROGATE.search(value):
        raise ValueError(f"'{name}' contains half a character (a lone surrogate), which UTF-8 cannot encode")
    return value
