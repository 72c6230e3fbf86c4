"""The turns of a conversation in the form that a chat template reads. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ftdojo.contract.task_spec import Message
from ftdojo.models.template import CLOSE, OPEN

Turn = dict[str, Any]
KEPT = ("role", "content", "tool_calls", "tool_call_id", "name")
"""The keys of a turn that templates read, besides its reasoning."""
REASONING = ("reasoning_content", "thinking")
"""The keys in which templates look for reasoning: that of most models, and that of gpt-oss."""


def tools_of(messages: Sequence[Message]) -> list[Any]:
    """Return the tools that the model may call: the first turn has them."""
    return list(messages[0].get("tools", ())) if messages else []


def tool_names(messages: Sequence[Message]) -> list[str]:
    """Return the names of the tools that a conversation offers and calls."""
    offered = [tool.get("function", tool) for tool in tools_of(messages)]
    called = [call["function"] for message in messages for call in message.get("tool_calls", ())]
    return [one["name"] for one in (*offered, *called) if isinstance(one, dict) and isinstance(one.get("name"), str)]


def read_turn(message: Message, marks: tuple[str, str] | None) -> Turn:
    """Return a turn with the keys that templates read.

    Args:
        message: the turn.
        marks: those between which the model writes its reasoning; ``None`` for a model without reasoning, which gets it
            as a part of the text.
    """
    turn = {key: message[key] for key in KEPT if key in message}
    reasoning = str(message.get("reasoning_content") or "").strip()
    content = str(turn.get("content") or "")
    if turn["role"] == "assistant" and marks and not reasoning:
        reasoning, content = split_reasoning(content, marks)
    if reasoning and marks is None:
        content = f"{OPEN}\n{reasoning}\n{CLOSE}\n\n{content}"
    elif reasoning:
        turn |= dict.fromkeys(REASONING, reasoning)
    return {**turn, "content": content}


def split_reasoning(text: str, marks: tuple[str, str]) -> tuple[str, str]:
    """Return the reasoning with which a text begins, and the rest. Reasoning stands between the model's marks or in
    ``<think>``."""
    for opened, closed in dict.fromkeys((marks, (OPEN, CLOSE))):
        head, found, rest = text.partition(closed)
        if found and head.lstrip().startswith(opened.strip()):
            return head.lstrip().removeprefix(opened.strip()).strip(), rest.lstrip("\n")
    return "", text


def without_reasoning(turn: Turn) -> Turn:
    """Return the turn without its reasoning."""
    return {key: value for key, value in turn.items() if key not in REASONING}


def merge_system(turns: Sequence[Turn]) -> list[Turn]:
    """Return the turns with the text of every system turn at the beginning of the next user turn."""
    merged: list[Turn] = []
    waiting: list[str] = []
    for turn in turns:
        if turn["role"] == "system":
            waiting.append(turn["content"])
        elif turn["role"] == "user" and waiting:
            merged.append({**turn, "content": "\n\n".join([*waiting, turn["content"]])})
            waiting = []
        else:
            merged.append(turn)
    if waiting:  # nothing follows it but the answer
        at = next((i for i, turn in enumerate(merged) if turn["role"] == "assistant"), len(merged))
        merged.insert(at, {"role": "user", "content": "\n\n".join(waiting)})
    return merged


def in_parts(turns: Sequence[Turn]) -> list[Turn]:
    """Return the turns with their texts as lists of one part, for templates that take pictures too."""
    return [{**turn, "content": [{"type": "text", "text": turn["content"]}]} for turn in turns]


def with_json_arguments(turns: Sequence[Turn]) -> list[Turn]:
    """Return the turns with the arguments of tool calls as JSON text instead of an object."""

    def call(one: Mapping[str, Any]) -> dict[str, Any]:
        function, arguments = one["function"], one["function"].get("arguments")
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        return {**one, "function": {**function, "arguments": text}}

    return [{**t, "tool_calls": [*map(call, t["tool_calls"])]} if t.get("tool_calls") else t for t in turns]
