"""Training rows: read three common forms, distinguished by their keys, as prompt and completion."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ftdojo.contract.task_spec import Message

SURROGATE = re.compile(r"[\ud800-\udfff]")
"""A lone surrogate: legal in JSON escapes, not encodable as UTF-8, rejected by tokenizers."""
FORMS = "prompt/completion, instruction/input/output or messages"
SUBTASK = "subtask"
SAMPLED = "sampled"
"""The key of a row that says how its samples were judged: as in ``recipe_program``, which imports nothing of ftdojo."""
_COUNTS = {"model": str, "samples": int, "right": int, "kept": bool}
MAX_SUBTASK_CHARS = 100
MAX_DEPTH = 50
"""Of tools and calls. Schemas of real tools stay below 20."""
ROLES = ("system", "developer", "user", "assistant", "tool")
REASONING = ("reasoning_content", "reasoning", "thinking")
"""The names under which an assistant turn may have its reasoning."""
_KEYS = {"role", "content", "name", "weight", "tool_calls", "tool_call_id", *REASONING}


@dataclass(frozen=True, slots=True)
class Row:
    """One training pair: the turns that are given, and the assistant's turn that is learned."""

    prompt: tuple[Message, ...]
    completion: str
    """The text of the assistant's turn; of one that only calls tools, the calls as JSON lines."""
    subtask: str = ""
    """The sub-task that it teaches, if it names one."""
    source: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """The JSON object that it was parsed from."""
    reply: Mapping[str, Any] = field(default_factory=dict)
    """The assistant's turn, if it has more than a text: reasoning or calls of tools."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """All turns."""
        return (*self.prompt, self.reply or {"role": "assistant", "content": self.completion})

    @property
    def turns(self) -> tuple[str, ...]:
        """The text of every turn, the completion last, each with its reasoning and the texts of tools and calls."""
        return tuple(map(_whole_text, self.messages))

    @property
    def texts(self) -> tuple[str, ...]:
        """All text that is compared with the evaluation items: first the prompt's, then all text that is learned."""
        return self.turns

    def with_texts(self, texts: Sequence[str]) -> Row:
        """Return the same row with other ``texts``, equal in number and order.

        A turn whose text is another one is plain text then, without reasoning or tools.
        """
        turns = [
            turn if text == old else {key: turn[key] for key in ("role", "weight") if key in turn} | {"content": text}
            for turn, old, text in zip(self.messages, self.texts, texts, strict=True)
        ]
        messages = [{key: value for key, value in turn.items() if key != "tools"} for turn in turns]
        row = {"messages": messages, **({SUBTASK: self.subtask} if self.subtask else {})}
        return parse_row(row | ({"tools": turns[0]["tools"]} if "tools" in turns[0] else {}))


def parse_row(row: Mapping[str, Any]) -> Row:
    """Parse one row as a training pair.

    Forms: ``prompt``/``completion``; Alpaca ``instruction``/``input``/``output``; chat ``messages`` that end with the
    assistant's turn, with the ``tools`` that it may call. Each may name its ``subtask``, and say in ``sampled`` by
    which model its answer was made (``sample`` of a recipe).

    Raises:
        ValueError: with the fault of the row.
    """
    subtask = _subtask(row.get(SUBTASK, ""))
    if SAMPLED in row:
        _check_sampled(row[SAMPLED])
    learned = {key: value for key, value in row.items() if key not in (SUBTASK, SAMPLED)}
    return replace(_parse(learned), subtask=subtask, source=row)


def _parse(row: Mapping[str, Any]) -> Row:
    keys = row.keys()
    if keys == {"prompt", "completion"}:
        return _pair([("user", row["prompt"])], row["completion"])
    if keys in ({"instruction", "output"}, {"instruction", "input", "output"}):
        given = [_text("instruction", row["instruction"]), _optional("input", row.get("input"))]
        return _pair([("user", "\n\n".join(filter(None, given)))], row["output"])
    if {"messages"} <= keys <= {"messages", "tools", "parallel_tool_calls"}:
        return _chat(row["messages"], _tools(row.get("tools")))
    raise ValueError(f"keys {sorted(map(str, keys))} are none of the known forms: {FORMS}")


def _check_sampled(value: Any) -> None:
    if not isinstance(value, dict) or {key: type(part) for key, part in value.items()} != _COUNTS:
        raise ValueError(f"'{SAMPLED}' must be an object with {', '.join(_COUNTS)}")


def _subtask(name: Any) -> str:
    """Check a sub-task's name: rows are counted by it, and the counts are recorded, shown and given to agents."""
    if not isinstance(name, str) or len(name) > MAX_SUBTASK_CHARS or SURROGATE.search(name):
        raise ValueError(f"'{SUBTASK}' must be text of at most {MAX_SUBTASK_CHARS} characters")
    return name


def _chat(messages: Any, tools: list[Any]) -> Row:
    if not isinstance(messages, list) or not all(isinstance(m, dict) and "role" in m for m in messages):
        raise ValueError("'messages' must be a list of {role, content}")
    roles = [m["role"] for m in messages]
    if not all(isinstance(role, str) for role in roles):
        raise ValueError(f"the role of a message must be text, got {roles[:9]}")
    if len(roles) < 2 or roles[0] == "tool" or roles[-1] != "assistant" or not set(roles) <= set(ROLES):
        raise ValueError(f"'messages' must end with an assistant turn after at least one other, got roles {roles[:9]}")
    *prompt, last = map(_turn, messages)
    if last.pop("weight", 1) == 0:
        raise ValueError("the last turn has weight 0, so nothing is learned: end the row with a turn that is")
    if tools:
        prompt[0] = {**prompt[0], "tools": tools}
    calls = "\n".join(json.dumps(call["function"], ensure_ascii=False) for call in last.get("tool_calls", ()))
    return Row(tuple(prompt), last["content"] or calls, reply=last if last.keys() > {"role", "content"} else {})


def _turn(given: Mapping[str, Any]) -> dict[str, Any]:
    """Check one turn of a chat. Keys without a value are left out, as services write them."""
    turn = {key: value for key, value in given.items() if value is not None}
    if unknown := sorted(map(str, turn.keys() - _KEYS)):
        raise ValueError(f"a turn has the key '{unknown[0][:40]}', which is not used: known are {sorted(_KEYS)}")
    role = "system" if turn["role"] == "developer" else turn["role"]
    checked = {"role": role}
    calls = turn.get("tool_calls") or []
    content = _joined(turn.get("content", ""))
    blank = isinstance(content, str) and not content.strip()
    checked["content"] = "" if blank and (calls or role == "tool") else _text("content", content)
    for key in ("name", "tool_call_id"):
        if key in turn:
            checked[key] = _text(key, turn[key])
    if role == "assistant":
        if calls:
            checked["tool_calls"] = _calls(calls)
        if reasoning := next((turn[key] for key in REASONING if turn.get(key)), None):
            checked["reasoning_content"] = _text("reasoning_content", reasoning)
    elif calls:
        raise ValueError(f"a turn of the role {role} has 'tool_calls'")
    if "weight" in turn:
        if turn["weight"] not in (0, 1) or role != "assistant":
            raise ValueError("'weight' must be 0 or 1, of an assistant turn")
        checked["weight"] = int(turn["weight"])
    return checked


def _joined(content: Any) -> Any:
    """Return a list of texts as one text."""
    if not isinstance(content, list):
        return content
    for part in content:
        if not isinstance(part, str) and not (isinstance(part, dict) and isinstance(part.get("text"), str)):
            kind = part.get("type", "?") if isinstance(part, dict) else type(part).__name__
            raise ValueError(f"'content' has a part of type '{str(kind)[:40]}': only text can be learned")
    return "".join(part if isinstance(part, str) else part["text"] for part in content)


def _calls(calls: Any) -> list[dict[str, Any]]:
    """Check the calls of tools. Arguments become an object, as templates take them, if they are JSON."""
    found = []
    for call in calls if isinstance(calls, list) else [calls]:
        function = call.get("function", call) if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise ValueError("'tool_calls' must be a list of {function: {name, arguments}}")
        arguments = function.get("arguments", {})
        if isinstance(arguments, str):
            arguments = _json(arguments, arguments)
        own = {"id": call["id"]} if isinstance(call.get("id"), str) else {}
        found.append({**own, "type": "function", "function": {"name": function["name"], "arguments": arguments}})
    _check_strings("tool_calls", found)
    return found


def _tools(tools: Any) -> list[Any]:
    """Check the tools of a row: a list of objects, or its JSON text."""
    found = _json(tools, tools) if isinstance(tools, str) else tools
    if not isinstance(found or [], list) or not all(isinstance(tool, dict) for tool in found or []):
        raise ValueError("'tools' must be a list of {type: function, function: {name, parameters}}")
    _check_strings("tools", found)
    return list(found or [])


def _json(text: str, otherwise: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return otherwise


def _check_strings(name: str, value: Any) -> None:
    if any(SURROGATE.search(text) for text in _strings(value)):
        raise ValueError(f"'{name}' contains half a character (a lone surrogate), which UTF-8 cannot encode")


def _whole_text(turn: Message) -> str:
    """Return all text of a turn."""
    more = [turn.get("reasoning_content"), turn.get("tool_calls"), turn.get("tools")]
    return "\n".join(filter(None, [turn["content"], *_strings([part for part in more if part])]))


def _strings(value: Any, depth: int = 0) -> Iterator[str]:
    """Return every text in a JSON value, names included.

    Raises:
        ValueError: if the value is nested too deeply to be rendered.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"tools or their calls are nested more than {MAX_DEPTH} deep")
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _strings(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, depth + 1)


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
