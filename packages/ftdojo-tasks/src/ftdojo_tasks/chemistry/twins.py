"""What the generated data of the four tasks shares: questions, splits by scaffold, files, and the defects of raw rows.

As in the real data, raw rows have reasoning in ``struct_cot``, as JSON text with the answer last, and further facts in
``meta``, as JSON text too; in some rows the reasoning is missing, broken or encoded twice, and some rows are repeated
under another id. Training, validation and test molecules have different Murcko scaffolds. The two most frequent
groups, acyclic molecules and those with a benzene ring as scaffold, are for training.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from ftdojo.tasks.rows import write_jsonl
from ftdojo_tasks.chemistry.molecules import Molecule

HELD_OUT = 0.2
"""Share of the molecules for each of validation and test."""
FREQUENT = {"", "c1ccccc1"}
"""Scaffolds of training molecules: none, and benzene."""
MISSING, BROKEN, DOUBLE_ENCODED, REPEATED = 0.05, 0.03, 0.05, 0.02
"""Shares of the raw rows with each defect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question with its computed answer."""

    task: str
    subtask: str
    query: str
    """The whole prompt."""
    answer: Mapping[str, str]
    """The JSON object that the query asks for."""
    steps: Mapping[str, str]
    """Named reasoning steps, short and true."""
    gt: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """Of the evaluation item."""
    raw_meta: Mapping[str, Any] = field(default_factory=dict)
    """Of the raw row."""


Maker = Callable[[Sequence[Molecule], int, random.Random], list[Question]]
"""Makes the given number of questions about these molecules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFile:
    """A raw file to be made."""

    name: str
    make: Maker
    rows: int
    shape: Callable[[dict[str, Any]], dict[str, Any]] = dict
    """Gives a row the fields that it has in this file."""


def ask(what: str, form: Mapping[str, str], line: str) -> str:
    """A prompt: what to do, the JSON object to reply with, the input line."""
    fields = ",\n".join(f'    "{key}": "{value}"' for key, value in form.items())
    return f"You are a chemical assistant. {what} Reply in directly parsable JSON:\n{{\n{fields}\n}}\n{line}"


def take(questions: Iterable[Question], n: int) -> list[Question]:
    """The first ``n`` questions."""
    taken = list(islice(questions, n))
    if len(taken) < n:
        raise ValueError(f"only {len(taken)} of {n} questions can be made")
    return taken


def generator(seed: str) -> random.Random:
    """The one source of randomness of a build."""
    return random.Random(seed)  # noqa: S311 - reproducible data, not secrets


def split(molecules: Sequence[Molecule], rng: random.Random) -> tuple[list[Molecule], list[Molecule], list[Molecule]]:
    """Training, validation and test molecules: no scaffold in two of them."""
    groups: dict[str, list[Molecule]] = defaultdict(list)
    for molecule in molecules:
        groups[molecule.scaffold].append(molecule)
    held_out = sorted(groups.keys() - FREQUENT)
    rng.shuffle(held_out)
    size = round(HELD_OUT * len(molecules))
    parts: tuple[list[Molecule], list[Molecule], list[Molecule]] = ([], [], [])
    for scaffold in held_out:
        validation, test = (len(part) < size for part in parts[1:])
        parts[1 if validation else 2 if test else 0].extend(groups[scaffold])
    parts[0].extend(molecule for scaffold in sorted(FREQUENT) for molecule in groups[scaffold])
    return parts


def write_raw(folder: Path, files: Iterable[RawFile], molecules: Sequence[Molecule], rng: random.Random) -> None:
    """Write raw files into a folder, which is made."""
    folder.mkdir(parents=True)
    for file in files:
        questions = file.make(molecules, file.rows - round(REPEATED * file.rows), rng)
        rows = [file.shape(row) for row in raw_rows(questions, file.rows, rng)]
        (folder / f"{file.name}.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", "utf-8")


def write_items(path: Path, makers: Mapping[Maker, int], molecules: Sequence[Molecule], rng: random.Random) -> None:
    """Write evaluation items: the given number from each maker."""
    write_jsonl(path, [item(question) for make, n in makers.items() for question in make(molecules, n, rng)])


def item(question: Question) -> dict[str, str]:
    """An evaluation item."""
    return {
        "id": identity("item", question),
        "query": question.query,
        "gt": question.gt,
        "task": question.task,
        "subtask": question.subtask,
        "meta": _json(question.meta),
    }


def raw_rows(questions: Sequence[Question], total: int, rng: random.Random) -> list[dict[str, Any]]:
    """Raw rows with their defects: ``total`` of them, so some questions occur twice, under another id."""
    repeated = rng.sample(questions, total - len(questions))
    order = [("raw", question) for question in questions] + [("again", question) for question in repeated]
    rng.shuffle(order)
    reasoning = {question.query: spoilt(question, rng) for question in questions}
    return [
        {
            "id": identity(kind, question),
            "query": question.query,
            "task": question.task,
            "subtask": question.subtask,
            "struct_cot": reasoning[question.query],
            "raw_cot": "\n".join(f"{name.replace('_', ' ')}: {step}" for name, step in question.steps.items()),
            "meta": _json(question.raw_meta),
        }
        for kind, question in order
    ]


def identity(kind: str, question: Question) -> str:
    """An id that depends on nothing but the row."""
    return hashlib.sha256(f"{kind} {question.query}".encode()).hexdigest()[:12]


def spoilt(question: Question, rng: random.Random) -> str | None:
    """The reasoning of a row as JSON text with the answer last, in a few rows with one of the known defects."""
    text = _json({**question.steps, **question.answer})
    chance = rng.random()
    if chance < MISSING:
        return rng.choice((None, ""))
    if chance < MISSING + BROKEN:
        return text[: rng.randrange(len(text) // 2, len(text) - 1)]
    if chance < MISSING + BROKEN + DOUBLE_ENCODED:
        return _json(f"```json\n{text}\n```")
    return text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
