"""Extraction of the answer from raw model output, shared by the scorers.

The rules are those of the reference harness for ChemCoTBench: strip, drop every complete ``<think>…</think>``, take the
first ```` ```json ```` fence, else the first ```` ``` ```` fence, delete line breaks (with an indentation of four
spaces), parse as JSON. Output is hostile: all functions accept any text, never raise, and run in time linear in its
length. That is why they search for markers instead of matching patterns across lines.
"""

from __future__ import annotations

import json
from typing import Any

FENCE = "```"
OPEN, CLOSE = "<think>", "</think>"


def drop_thinking(text: str) -> str:
    """Return ``text`` stripped and without its complete ``<think>…</think>`` blocks; an unclosed one stays.

    Where a block is closed that was not opened, as by models whose prompt ends in ``<think>``, what stands before it is
    thinking, too.
    """
    opened, closed = text.find(OPEN), text.find(CLOSE)
    if closed >= 0 and not 0 <= opened < closed:
        text = text[closed + len(CLOSE) :]
    kept, position = [], 0
    while (opened := text.find(OPEN, position)) >= 0 and (closed := text.find(CLOSE, opened)) >= 0:
        kept.append(text[position:opened])
        position = closed + len(CLOSE)
    return ("".join(kept) + text[position:]).strip()


def in_fence(text: str) -> str:
    """Return the content of the first ```` ```json ```` fence, else of the first fence (closed or not), else all."""
    for mark in (f"{FENCE}json", FENCE):
        _, found, rest = text.partition(mark)
        if found:
            return rest.partition(FENCE)[0]
    return text


def fenced(text: str) -> str:
    """Return the part of an output with the answer: without thinking, and only the content of a fence, if any."""
    return in_fence(drop_thinking(text))


def json_text(text: str) -> str:
    """Return the part of an output to parse as JSON: that of :func:`fenced`, on one line."""
    return fenced(text).replace("\n    ", "").replace("\n", "")


def json_value(text: str) -> Any:
    """Return the JSON value of an output; ``None`` if there is none (``null`` is no answer either)."""
    try:
        return json.loads(json_text(text))
    except (ValueError, RecursionError):  # ValueError: bad JSON, and integers of more digits than int() takes
        return None


def json_object(text: str) -> dict[str, Any] | None:
    """Return the JSON object of an output: its JSON value, else the object that begins at the first brace."""
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
    """Return the value of a JSON text; ``{}`` for null and for other text. Other values are returned unchanged."""
    for _ in range(3):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)  # before looking for a fence: an encoded text may contain one
        except (ValueError, RecursionError):
            value = json_value(value)
    return {} if value is None or isinstance(value, str) else value


def element(value: Any) -> Any:
    """Return the element of a list of one; other values unchanged."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def scalar_text(value: Any) -> str:
    """Return a JSON scalar as stripped text; empty for ``null``, lists and objects, which are no answer."""
    return str(value).strip() if isinstance(value, (str, int, float)) else ""


def count(text: str, *, digits: int = 9) -> int | None:
    """Return ``text`` as an integer, by the rules of ``int()``; ``None`` if it is none or longer than ``digits``.

    No task counts to a billion, and a mean over longer answers would overflow.
    """
    try:
        return int(text) if len(text) <= digits else None
    except ValueError:
        return None
