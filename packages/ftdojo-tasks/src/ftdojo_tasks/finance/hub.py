"""The published data: of each subject's test file the last rows are held out, the others are raw data.

Layout: ``data/dev/SUBJECT.csv`` with the five worked questions, ``data/test/SUBJECT.csv`` with all others. Held out are
the last ``min(ceil(n / 2), 100)`` rows of a subject, of which the first half validates and the last tests.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ftdojo.tasks.rows import write_jsonl
from ftdojo.tasks.spec import Sources
from ftdojo_tasks.finance.financeiq import FINANCEIQ, SUBJECTS
from ftdojo_tasks.finance.table import SHOTS, Question, content, item, read, write
from ftdojo_tasks.published import distinct, fault

HELD_OUT = 100


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
    for subject, questions in training.items():
        write(raw / f"{subject}.csv", [question for question in questions if content(question) not in held_out])
    write_jsonl(folder / "validation.jsonl", validation)
    write_jsonl(folder / "test.jsonl", test)


def cuts(n: int) -> tuple[int, int]:
    """Of ``n`` rows, the position of the first one that is held out, and how many validate (and as many test)."""
    held_out = min((n + 1) // 2, HELD_OUT)
    return n - held_out, held_out // 2


def _shots(path: Path) -> list[Question]:
    questions = read(path)
    if len(questions) < SHOTS:
        raise fault("too_few_rows", path.name, f"has {len(questions)} rows, the prompt needs {SHOTS}")
    return questions[:SHOTS]
