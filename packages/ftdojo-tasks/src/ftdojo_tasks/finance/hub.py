"""The published data: of each subject's test file the last rows are held out, the others are raw data.

Layout: ``data/dev/SUBJECT.csv`` with the five worked questions, ``data/test/SUBJECT.csv`` with all others. Held out are
the last ``min(ceil(n / 2), 100)`` rows of a subject, of which the first half validates and the last tests. A raw row
that asks what a held-out question asks is left out; within a subject also if it does so in other words or with its
options in another order.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from ftdojo.tasks.rows import write_jsonl
from ftdojo.tasks.spec import Sources
from ftdojo_tasks.finance.financeiq import FINANCEIQ, LETTERS, SUBJECTS
from ftdojo_tasks.finance.table import SHOTS, Question, content, item, read, write
from ftdojo_tasks.published import distinct, fault

HELD_OUT = 100
ALIKE = 0.4
"""Share of equal letters from which two questions with the same options are one, asked in other words: in the published
files the alike ones have 0.4 to 0.8, and questions that share options such as *I and II* by chance at most 0.3."""


def build(folder: Path, sources: Sources) -> None:
    """Write ``raw/``, ``validation.jsonl`` and ``test.jsonl`` into ``folder``.

    Raises:
        InputError: for a file that is missing or has faulty rows.
    """
    source = sources[FINANCEIQ.id]
    raw = folder / "raw" / "data" / "train"
    raw.mkdir(parents=True)
    validation: list[dict[str, Any]] = []
    test: list[dict[str, Any]] = []
    training: dict[str, list[Question]] = {}
    for subject in SUBJECTS:
        shots = _shots(source / "data" / "dev" / f"{subject}.csv")
        questions = read(source / "data" / "test" / f"{subject}.csv")
        first, half = cuts(len(questions))
        training[subject] = questions[:first]
        every = [item(subject, number, question, shots) for number, question in enumerate(questions)]
        validation += every[first : first + half]
        test += every[len(questions) - half :]
    validation = distinct(validation, content, map(content, test))
    held_out = {content(question) for question in (*validation, *test)}
    alike: dict[tuple[str, ...], list[str]] = {}
    for question in (*validation, *test):
        alike.setdefault(_options(question["subtask"], question), []).append(_plain(question["question"]))
    for subject, questions in training.items():
        new = [question for question in questions if content(question) not in held_out]
        kept = [q for q in new if not _is_asked(_plain(q["question"]), alike.get(_options(subject, q), []))]
        write(raw / f"{subject}.csv", kept)
    write_jsonl(folder / "validation.jsonl", validation)
    write_jsonl(folder / "test.jsonl", test)


def _is_asked(question: str, held_out: Sequence[str]) -> bool:
    """Whether a question is one of those that have the same options, also in other words; not with other numbers."""
    return any(
        _numbers(question) == _numbers(other)
        and SequenceMatcher(None, question, other, autojunk=False).ratio() >= ALIKE
        for other in held_out
    )


def _numbers(text: str) -> list[str]:
    return sorted(re.findall(r"\d+", text))


def _options(subject: str, question: Mapping[str, Any]) -> tuple[str, ...]:
    """The subject, and the four options in any order."""
    return (subject, *sorted(_plain(question[letter]) for letter in LETTERS))


def _plain(text: str) -> str:
    """The letters and digits of a text, in one width and case."""
    return re.sub(r"\W+", "", unicodedata.normalize("NFKC", text).casefold())


def cuts(n: int) -> tuple[int, int]:
    """Of ``n`` rows, the position of the first one that is held out, and how many validate (and as many test)."""
    held_out = min((n + 1) // 2, HELD_OUT)
    return n - held_out, held_out // 2


def _shots(path: Path) -> list[Question]:
    questions = read(path)
    if len(questions) < SHOTS:
        raise fault("too_few_rows", path.name, f"has {len(questions)} rows, the prompt needs {SHOTS}")
    return questions[:SHOTS]
