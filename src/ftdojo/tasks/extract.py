"""From raw model output to an answer: the front end that the scorers share.

The rule is that of the reference harness for ChemCoTBench: strip, drop every complete ``<think>…</think>``, take the
first ```` ```json ```` fence, else the first ```` ``` ```` fence, delete line breaks (with an indentation of four
spaces), parse as JSON. Output is hostile: all functions take any text, never raise, and run in time linear in its
length, which is why they search for marks instead of matching patterns across lines.
"""

from __future__ import annotations

import json
from typing import Any

FENCE = "```"
OPEN, CLOSE = "<think>", "</think>"


def drop_thinking(text: str) -> str:
    """``text`` stripped and without its complete ``<think>…</think>`` passages; an unclosed one stays."""
    kept, position = [], 0
    while (opened := text.find(OPEN, position)) >= 0 and (closed := text.find(CLOSE, opened)) >= 0:
        kept.append(text[position:opened])
        position = closed + len(CLOSE)
    return ("".join(kept) + text[position:]).strip()


def in_fence(text: str) -> str:
    """The content of the first ```` ```json ```` fence, else of the first fence (closed or not), else all of it."""
    for mark in (f"{FENCE}json", FENCE):
        _, found, rest = text.partition(mark)
        if found:
            return rest.partition(FENCE)[0]
    return text


def fenced(text: str) -> str:
    """The part of an output that holds the answer: what is in its fence, thinking left out."""
    return in_fence(drop_thinking(text))


def json_text(text: str) -> str:
    """The part of an output that is to be parsed: fenced if there is a fence, and on one line."""
    return fenced(text).replace("\n    ", "").replace("\n", "")


def json_value(text: str) -> Any:
    """The JSON value of an output, or ``None`` if it holds none (``null`` answers nothing either)."""
    try:
        return json.loads(json_text(text))
    except (ValueError, RecursionError):  # ValueError: bad JSON, and integers of more digits than int() takes
        return None


def json_object(text: str) -> dict[str, Any] | None:
    """The JSON object of an output: its JSON value, else the object that begins at the first brace in the text."""
    value = json_value(text)
    if value is None:
        text = drop_thinking(text)
        start = text.find("{")
        if start < 0:
            return None
        try:
            value, _ = json.JSONDecoder().raw_decode(text, start)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def from_json(value: Any) -> Any:
    """The value of a JSON text; what is no text is returned as it is."""
    for _ in range(3):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)  # before any fence is looked for: an encoded text may hold one
        except (ValueError, RecursionError):
            value = json_value(value)
    return {} if value is None or isinstance(value, str) else value


def scalar_text(value: Any) -> str:
    """A JSON scalar as stripped text; nothing for ``null``, lists and objects, which are no answer."""
    return str(value).strip() if isinstance(value, (str, int, float)) else ""


def count(text: str, *, digits: int = 9) -> int | None:
    """``text`` as an integer, by the rules of ``int()``; ``None`` if it is none or longer than ``digits``.

    No task counts to a billion, while a mean over such answers would overflow.
    """
    try:
        return int(text) if len(text) <= digits else None
    except ValueError:
        return None
