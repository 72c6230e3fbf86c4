"""What answers are, and the scorer that follows from it."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ftdojo.errors import UsageError

MOST_CLASSES, CLASS_CHARS, EACH = 30, 60, 4
"""Answers are classes if there are at most so many, each of at most so many characters, with so many rows each."""
LONG_WORDS = 12
"""An answer with more words is rarely written again word by word."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """The scorer of a new task, and why."""

    scorer: str
    metric: str
    why: str
    output_format: str
    choices: tuple[str, ...] = ()
    warning: str = ""


def choose_scorer(answers: Sequence[str]) -> Scoring:
    """Choose the scorer for these gold answers, none of which is blank.

    Raises:
        UsageError: if all answers are the same.
    """
    classes = Counter(" ".join(answer.casefold().split()) for answer in answers)
    if len(classes) == 1:
        raise UsageError(
            f"every answer is {answers[0][:80]!r}, so there is nothing to learn",
            fix="name another column with --answer, or add rows with other answers",
        )
    if are_classes(answers):
        first = {" ".join(answer.casefold().split()): answer for answer in reversed(answers)}
        names = tuple(sorted(first.values()))
        return Scoring("choice", "accuracy", f"{len(names)} classes", f"one of: {', '.join(names)}", names)
    if all(map(_is_number, answers)):
        return Scoring("number", "accuracy", "every answer is a number", "a number")
    if all(map(_is_object, answers)):
        keys = ", ".join(json.loads(answers[0]))
        return Scoring("json", "field_accuracy", "every answer is a JSON object", f"a JSON object with {keys}")
    long = sum(len(answer.split()) > LONG_WORDS for answer in answers) > len(answers) / 2
    warning = "most answers are long, and only the same text counts as right; scorer.py can judge otherwise"
    return Scoring("exact", "accuracy", "answers are free text", "the answer alone", warning=warning if long else "")


def are_classes(answers: Sequence[str]) -> bool:
    """Whether answers look like classes: few different ones, short, with several rows each."""
    classes = {" ".join(answer.casefold().split()) for answer in answers}
    few = 1 < len(classes) <= MOST_CLASSES and len(answers) >= EACH * len(classes)
    return few and max(map(len, classes)) <= CLASS_CHARS


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text.replace(",", ""))) and not text.lower().startswith(("nan", "inf"))
    except ValueError:
        return False


def _is_object(text: str) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and bool(value)
