"""What answers are, and the scorer that follows from it."""

from __future__ import annotations

import ast
import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ftdojo.contract.recipe_program.templates import to_text
from ftdojo.errors import UsageError
from ftdojo.tasks.answers import normalized
from ftdojo.tasks.text_scorers import words

MOST_CLASSES, CLASS_CHARS, EACH = 30, 60, 4
"""Answers are classes if there are at most so many, each of at most so many characters, with so many rows each."""
LONG_WORDS, SENTENCE_WORDS = 12, 5
"""An answer with more words than the first is rarely written again word by word; one with as many as the second may be
right in other words, too."""
MOST_LABELS = 100
"""Sets are of at most so many labels."""
UNBALANCED = 0.7
"""If this share of the rows has one class, always answering it scores well."""
MARK = "####"
"""What stands before the last word of an answer in GSM8K and its like."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """The scorer of a new task, and why."""

    scorer: str
    metric: str
    why: str
    output_format: str
    choices: tuple[str, ...] = ()
    """All classes, or all labels."""
    warning: str = ""
    worst: float = 0.0
    """For the metric ``mae``: the range of the answers."""

    @property
    def asked(self) -> str:
        """What a prompt has to say, in words; blank if nothing."""
        if self.choices:
            return f"Answer with {self.output_format}."
        return "Answer with a number." if self.scorer == "number" else ""


def choose_scorer(values: Sequence[Any]) -> Scoring:
    """Choose the scorer for these gold answers, none of which is blank: texts, numbers, objects, or lists.

    A list of labels is a set; any other list holds several right answers, of which the first is looked at.

    Raises:
        UsageError: if all answers are the same.
    """
    if labels := _label_sets(values):
        names = _names([label for found in labels for label in found])
        form = "a JSON list of labels out of" if isinstance(values[0], list) else "labels, separated by commas, out of"
        if isinstance(values[0], str) and values[0].lstrip().startswith("["):
            form = "a list of labels out of"
        return Scoring("labels", "micro_f1", f"sets of {len(names)} labels", f"{form}: {', '.join(names)}", names)
    answers = [gold_of(value) for value in values]
    classes = Counter(normalized(answer) for answer in answers)
    if len(classes) == 1:
        raise UsageError(
            f"every answer is {answers[0][:80]!r}, so there is nothing to learn",
            fix="name another column with --answer, or add rows with other answers",
        )
    if are_classes(answers):
        names = _names(answers)
        return Scoring(
            "choice", "accuracy", f"{len(names)} classes", f"one of: {', '.join(names)}", names, _unbalanced(answers)
        )
    if numbers := _read_numbers(answers):
        if all(map(float.is_integer, numbers)):
            return Scoring("number", "accuracy", "every answer is a whole number", "a number")
        why = "answers are measured values, of which a near one is better than a far one"
        return Scoring("number", "mae", why, "a number", worst=float(f"{max(numbers) - min(numbers):.6g}"))
    if all(map(_is_object, answers)):
        keys = ", ".join(json.loads(answers[0]))
        return Scoring("json", "field_accuracy", "every answer is a JSON object", f"a JSON object with {keys}")
    return _of_texts(answers, different=len(classes))


def _is_marked(answer: str) -> bool:
    _, mark, end = answer.rpartition(MARK)
    return bool(mark) and len(end.split()) == 1


def _of_texts(answers: Sequence[str], different: int) -> Scoring:
    """Return the scorer of running text."""
    lengths = sorted(len(words(answer)) for answer in answers)
    marked = ""
    if all(map(_is_marked, answers)):
        marked = (
            "every answer ends with '####' and a result, and is compared as a whole: to score the result alone, put it "
            "into a column of its own, and name it with --answer and the question with --prompt"
        )
    if sum(length > LONG_WORDS for length in lengths) > len(answers) / 2:
        warning = marked or (
            "words in common are a weak measure of long answers: rouge, translation or your scorer.py may be better"
        )
        return Scoring("tokens", "token_f1", "most answers are long texts", "the answer alone", warning=warning)
    warning = marked
    if not marked and different > len(answers) / 2 and lengths[len(lengths) // 2] >= SENTENCE_WORDS:
        warning = (
            "an answer is right only if it is the same word by word: if other words may be right, too, choose the "
            "scorer tokens, rouge or translation in task.toml"
        )
    return Scoring("exact", "accuracy", "answers are short texts", "the answer alone", warning=warning)


def gold_of(value: Any) -> str:
    """Return the text of an answer, of several right ones the first."""
    return to_text(value[0] if isinstance(value, list) and value else value).strip()


def labels_of(value: Any) -> list[str] | None:
    """Return the labels of an answer: a list, the text of one, or texts separated by commas or semicolons."""
    if isinstance(value, str):
        value = value.strip()
        if value[:1] != "[":
            parts = [part.strip() for part in re.split("[,;]", value)]
            # Digits alone are parts of numbers and dates.
            return parts if all(re.search(r"[^\W\d]", part) for part in parts) else None
        try:
            value = ast.literal_eval(value)  # a JSON list of texts is one of Python, too, and pandas writes these
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    return value if isinstance(value, list) and all(isinstance(part, str) for part in value) else None


def _label_sets(values: Sequence[Any]) -> list[list[str]]:
    """Return the labels of every answer, if answers are sets: of different sizes, of few labels with several rows each,
    and fewer than there are sets. None otherwise."""
    read = [labels_of(value) for value in values]
    found = [labels for labels in read if labels is not None]
    if len(found) < len(read) or len(sizes := {len(labels) for labels in found}) < 2 or max(sizes) < 2:
        return []
    each = Counter(normalized(label) for labels in found for label in set(labels))
    few = len(each) <= MOST_LABELS and sum(each.values()) >= EACH * len(each) and max(map(len, each)) <= CLASS_CHARS
    return found if few and len(each) < len({tuple(sorted(labels)) for labels in found}) else []


def _names(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the different texts, without regard to case and white space, each as it was written first."""
    return tuple(sorted({normalized(text): text for text in reversed(texts)}.values()))


def _unbalanced(answers: Sequence[str]) -> str:
    """Return a remark if one class is so frequent that a constant answer scores well; otherwise nothing."""
    name, count = Counter(answers).most_common(1)[0]
    if count < UNBALANCED * len(answers):
        return ""
    share = f"{count / len(answers):.0%}".replace("%", " %")
    return (
        f"always answering '{name}' is right in {share} of the rows: the metric macro_f1 in task.toml counts every "
        "class alike"
    )


def are_classes(answers: Sequence[str]) -> bool:
    """Whether answers look like classes: few different ones, short, with several rows each."""
    classes = {normalized(answer) for answer in answers}
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
