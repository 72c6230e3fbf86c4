"""What the four tasks share: the prompt, where an answer is looked for, how a wrong one is called, refused items.

An answer is looked for as the reference harness does: the JSON value of the output (see :mod:`ftdojo.tasks.extract`)
under one of the sub-task's keys; else a key and its value by pattern; else by what the sub-task allows; else it is the
content of the first fence, if there is one, else the whole text. If an object has several keys, the first in the
sub-task's order that is not null or blank is taken; a list of one counts as its element.

Deviations from the reference harness: it looks at nothing outside a fence, at no further key behind an empty value, and
not into a list. Here, what is not found in the fence is looked for in the whole text; a language named at the start of
a fence (as in ```` ```smiles ````) is dropped; and thinking that the prompt has opened is dropped, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ftdojo.contract.task_spec import Message, Record
from ftdojo.tasks.extract import drop_thinking, element, fenced, from_json, in_fence, json_value, scalar_text

QUOTED = r'"([^"]*)"'
LANGUAGE = re.compile(r"[a-z]{3,12}")
LIKE_SMILES = re.compile(r"[A-Za-z][A-Za-z0-9@\[\]()=#\-+.\\/]{4,}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found in an output: its text, and whether it stood under a key."""

    text: str
    keyed: bool


def prompt(item: Record) -> list[Message]:
    """The item's query, verbatim, as one user turn."""
    return [{"role": "user", "content": item["query"]}]


def find(output: str, keys: Sequence[str], *, form: str = QUOTED, loose: Sequence[str] = ()) -> Answer:
    """The answer in a model's output, by the rules above.

    Args:
        output: any text.
        keys: JSON keys of the answer, in the order in which they are looked for.
        form: pattern of the value behind a key, where the output is no JSON; its group is the answer.
        loose: patterns that are an answer without a key, in the order in which they are tried.
    """
    value = json_value(output)
    if isinstance(value, dict):
        for key in keys:
            if text := scalar_text(element(value.get(key))):
                return Answer(text, keyed=True)
    texts = list(filter(None, (_fence(output), drop_thinking(output))))
    for text in texts:
        for key in keys:
            match = re.search(rf'"{re.escape(key)}"\s*:\s*{form}', text, re.IGNORECASE)
            if match and match[1].strip():
                return Answer(match[1].strip(), keyed=True)
    for text in texts:
        for pattern in loose:
            if match := re.search(pattern, text, re.IGNORECASE):
                return Answer(match[0], keyed=False)
    return Answer(texts[0] if texts else "", keyed=False)


def _fence(output: str) -> str:
    """The content of the first fence without the name of a language; empty without a fence."""
    text = drop_thinking(output)
    content = in_fence(text)
    if content == text:
        return ""
    first, line_break, rest = content.partition("\n")
    return (rest if line_break and rest.strip() and LANGUAGE.fullmatch(first.strip()) else content).strip()


def find_smiles(output: str, keys: Sequence[str]) -> Answer:
    """As :func:`find`, but without a key the longest run of characters that SMILES consist of, if there is one.

    Such a run has at least five characters and begins with a letter, so it can be an English word.
    """
    answer = find(output, keys)
    if not answer.keyed and (runs := LIKE_SMILES.findall(fenced(output))):
        return Answer(max(runs, key=len), keyed=False)
    return answer


def fault(output: str, answer: Answer, *, parsed: bool, molecule: bool) -> str:
    """The class of a wrong answer: ``empty``, ``wrong``, ``invalid`` or ``format``.

    ``invalid`` is for a ``molecule`` that was given under a key but that RDKit cannot parse; ``format`` is for an
    output in which nothing of the right form was found.
    """
    if not drop_thinking(output):
        return "empty"
    if parsed:
        return "wrong"
    return "invalid" if molecule and answer.keyed and answer.text else "format"


def meta(item: Record) -> dict[str, Any]:
    """The fields of an item's ``meta``, which is JSON text; none if it is not."""
    value = from_json(item.get("meta"))
    return value if isinstance(value, dict) else {}
