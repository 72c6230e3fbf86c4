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
    worst: float = 0.0
    """For the metric ``mae``: the range of the answers."""


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
    if numbers := _read_numbers(answers):
        if all(map(float.is_integer, numbers)):
            return Scoring("number", "accuracy", "every answer is a whole number", "a number")
        why = "answers are measured values, of which a near one is better than a far one"
        return Scoring("number", "mae", why, "a number", worst=float(f"{max(numbers) - min(numbers):.6g}"))
    if all(map(_is_object, answers)):
        keys = ", ".join(json.loads(answers[0]))
        return Scoring("json", "field_accuracy", "every answer is a JSON object", f"a JSON object with {keys}")
    if sum(len(answer.split()) > LONG_WORDS for answer in answers) > len(answers) / 2:
        warning = (
            "words in common are a weak measure of long answers: rouge, translation or your scorer.py may be better"
        )
        return Scoring("tokens", "token_f1", "most answers are long texts", "the answer alone", warning=warning)
    return Scoring("exact", "accuracy", "answers are short texts", "the answer alone")


def are_classes(answers: Sequence[str]) -> bool:
    """Whether answers look like classes: few different ones, short, with several rows each."""
    classes = {" ".join(answer.casefold().split()) for answer in answers}
    few = 1 < len(classes) <= MOST_CLASSES and len(answers) >= EACH * len(classes)
    return few and max(map(len, classes)) <= CLASS_CHARS


def _read_numbers(answers: Sequence[str]) -> list[float]:
    """Return the answers as numbers; none if one of them is no finite number."""
    try:
        numbers = [float(answer.replace(",", "")) for answer in answers]
    except ValueError:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []


def _is_object(text: str) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and bool(value)
