"""The CSV files of FinanceIQ, and the evaluation items that are made of their rows.

The columns are a row index without a name, ``Question``, ``A`` to ``D`` and ``Answer``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ftdojo_tasks.published import bad_rows, fault

HEADER = ("", "Question", "A", "B", "C", "D", "Answer")
FIELDS = ("question", "A", "B", "C", "D", "answer")
"""What the columns after the index are called in an evaluation item."""

SHOTS = 5
"""Worked questions before each item."""

Question = dict[str, str]
"""One row by :data:`FIELDS`."""


def read(path: Path) -> list[Question]:
    """The questions of a file, in its order.

    Raises:
        InputError: if it is missing, or naming the rows that have not seven columns or no answer from A to D.
    """
    if not path.is_file():
        raise fault("missing_file", path.name, "the file does not exist", f"fetch it to {path}")
    questions, bad = [], []
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            for number, row in enumerate(csv.reader(stream)):
                if number == 0:
                    continue
                if len(row) == len(HEADER) and row[-1] in tuple("ABCD"):
                    questions.append(dict(zip(FIELDS, row[1:], strict=True)))
                else:
                    bad.append(number)
    except (UnicodeDecodeError, csv.Error) as error:
        raise fault("bad_file", path.name, f"cannot be read as CSV in UTF-8: {error}") from None
    if bad:
        raise bad_rows(path.name, bad, "has not seven columns with an answer from A to D")
    return questions


def write(path: Path, questions: Iterable[Question]) -> None:
    """Write questions with their row index."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows([number, *(question[field] for field in FIELDS)] for number, question in enumerate(questions))


def item(subject: str, number: int, question: Question, shots: Sequence[Question]) -> dict[str, Any]:
    """An evaluation item; ``number`` is its row in the file, from 0."""
    return {"id": f"{subject}-{number}", "subtask": subject, **question, "shots": list(shots)}


def content(question: Mapping[str, Any]) -> tuple[str, ...]:
    """What makes two questions the same, whatever their subject and index: text and options, apart from white space."""
    return tuple(" ".join(question[field].split()) for field in FIELDS[:-1])
