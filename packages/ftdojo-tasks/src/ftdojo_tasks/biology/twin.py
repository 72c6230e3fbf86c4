"""The generated stand-in for BioProBench: same files, fields, prompts and scorers; gold from a grammar of protocols.

As in the real data: one JSON list a task; questions of three types about steps; steps and headings to sort;
steps with and without an error in the context of a purpose, of which right ones have no error text; protocols as lists
of numbered steps. Unlike it: steps are short, and only 3 to 5 of them belong to a row; those to be written have no
articles. Defects of raw rows: a few have no type or a wrong one, ids of another form, stray white space, numbers in
front of steps or none where they belong, a step that occurs twice; a few are repeated under another id, and some
verdicts on a step are wrong.

Training, validation and test protocols have different samples and different targets (genes and proteins, and so the
primers, plasmids, inhibitors and antibodies named after them). Half of the items are made like training rows; for the
other half, validation and test have methods of their own, which combine known operations in new chains, and write steps
in wordings that no training row has. Two fifths of the wrong steps have a value that is right in another step, the
others one that is right nowhere.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftdojo.tasks.rows import write_jsonl
from ftdojo.tasks.spec import Sources
from ftdojo_tasks.biology.protocols import TYPES, Method, Step, filled, grammar
from ftdojo_tasks.splits import three_parts

SEED = "bioprobench twin 1"
ITEMS = 100
HELD_OUT = 0.2
"""Share of the samples and targets for each of validation and test."""
SHORTEST, LONGEST = 3, 5
"""Steps of a protocol to sort or to write."""
CHOICES = 5
ABSURD = 3
"""How many of five wrong steps have a value that is right nowhere."""
HEADINGS = 2
"""How many of five lists to sort are of headings (``top``); the others are of steps (``child``)."""
BLANK = "____"
NO_TYPE, WRONG_TYPE, ODD_ID, WHITE_SPACE, NUMBERING, DOUBLE_STEP, WRONG_VERDICT, REPEATED = (
    0.02,
    0.05,
    0.03,
    0.04,
    0.04,
    0.015,
    0.015,
    0.01,
)
"""Shares of the raw rows with each defect, where it applies."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """What the protocols of one split are made from."""

    name: str
    samples: Mapping[str, Sequence[str]]
    targets: Sequence[str]
    own: Sequence[Method]
    """Methods of this split only."""

    def protocol(self, rng: random.Random, *, hard: bool) -> Protocol:
        """A protocol of a method of training, or, if ``hard``, of this split's own methods in unseen wordings."""
        method = rng.choice(self.own if hard else grammar().methods["training"])
        names = {"sample": rng.choice(self.samples[method.kind]), "target": rng.choice(self.targets)}
        return Protocol(method, names, hard)


@dataclass(frozen=True, slots=True)
class Protocol:
    """A method for one sample and one target."""

    method: Method
    names: Mapping[str, str]
    hard: bool

    @property
    def title(self) -> str:
        """What the protocol is for."""
        return filled(self.method.title, self.names)

    def step(self, place: int, rng: random.Random) -> Step:
        """One of its operations, in one of the wordings that it may have."""
        *seen, unseen = grammar().operations[self.method.operations[place]].wordings
        return Step(unseen if self.hard else rng.choice(seen), self.names)

    def heading(self, place: int) -> str:
        """One of its operations as a noun."""
        return grammar().operations[self.method.operations[place]].title

    def brief(self, place: int) -> str:
        """One of its operations as a short step."""
        return filled(grammar().operations[self.method.operations[place]].brief, self.names)


def build_pqa(folder: Path, sources: Sources) -> None:
    """Write questions with five choices for a gap in a step."""
    _build(folder, Recipe("PQA", 2000, pqa, ("question",), damaged_pqa))


def build_ord(folder: Path, sources: Sources) -> None:
    """Write lists of steps to be sorted."""
    _build(folder, Recipe("ORD", 1600, order, ("question", "correct_steps"), damaged_ord))


def build_err(folder: Path, sources: Sources) -> None:
    """Write steps to be judged."""
    _build(folder, Recipe("ERR", 2000, err, ("corrected_text", "context"), damaged_err))


def build_gen(folder: Path, sources: Sources) -> None:
    """Write protocols to be generated."""
    _build(folder, Recipe("GEN", 1500, gen, ("input",), damaged_gen))


Make = Callable[[Source, int, bool, random.Random], Row]
"""A row of this source, of this number (which decides all that is to be balanced), hard or not."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the rows of a task are made."""

    name: str
    raw_rows: int
    make: Make
    content: tuple[str, ...]
    """Fields by which two rows are the same."""
    damage: Callable[[Row, random.Random], None]
    """Gives a raw row, rarely, a defect that only rows of this task can have."""


def _build(folder: Path, recipe: Recipe) -> None:
    train, validation, test = split()
    rng = random.Random(f"{SEED}: {recipe.name}")  # noqa: S311 - reproducible data, not secrets
    (folder / "raw").mkdir()
    rows = raw_rows(recipe, train, rng)
    (folder / "raw" / f"{recipe.name}.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", "utf-8")
    for source in (validation, test):
        items = distinct(recipe, ITEMS, source, rng, evaluation=True)
        write_jsonl(
            folder / f"{source.name}.jsonl",
            ({**item, "id": f"{source.name.upper()}-{recipe.name}-{number:06}"} for number, item in enumerate(items)),
        )


def split() -> tuple[Source, Source, Source]:
    """What training, validation and test protocols are made from, the same for all four tasks."""
    rng = random.Random(SEED)  # noqa: S311
    samples = {kind: three_parts(names, HELD_OUT, rng) for kind, names in grammar().samples.items()}
    targets = three_parts(grammar().targets, HELD_OUT, rng)
    train, validation, test = (
        Source(name, {kind: parts[i] for kind, parts in samples.items()}, targets[i], grammar().methods[methods])
        for i, (name, methods) in enumerate((("train", "training"), ("validation", "validation"), ("test", "test")))
    )
    return train, validation, test


def distinct(recipe: Recipe, total: int, source: Source, rng: random.Random, *, evaluation: bool) -> list[Row]:
    """``total`` rows of different content; for evaluation half of them are hard, two by two."""
    found: dict[str, Row] = {}
    while len(found) < total:
        number = len(found)
        row = recipe.make(source, number, evaluation and number // 2 % 2 == 1, rng)
        found.setdefault(json.dumps([row[field] for field in recipe.content]), row)
    return list(found.values())


# -- rows --------------------------------------------------------------------------------------------------------------


def pqa(source: Source, number: int, hard: bool, rng: random.Random) -> Row:
    """A step with a gap for one of its terms; types and places of the answer in turn."""
    kind, place = TYPES[number % len(TYPES)], number % CHOICES
    step, term = _step_with(source, kind, hard, rng)[2:]
    answer = step.right(term)
    choices = rng.sample(step.wrong(term), CHOICES - 1)
    choices.insert(place, answer)
    return {"question": step.text({term: BLANK}), "answer": answer, "choices": choices, "type": kind}


def order(source: Source, number: int, hard: bool, rng: random.Random) -> Row:
    """Steps or headings of a protocol, mixed. Any two that are in order in one list are not in the next, so that no
    fixed answer is better than chance."""
    pair = number // 2
    protocol = source.protocol(rng, hard=hard)
    size = SHORTEST + pair % (LONGEST - SHORTEST + 1)
    places = sorted(rng.sample(range(len(protocol.method.operations)), size))
    top = pair % 5 < HEADINGS
    if top:
        correct = [protocol.heading(place).capitalize() for place in places]
    else:
        correct = [protocol.step(place, rng).text() for place in places]
    wrong = random.Random(f"{SEED}: {source.name} {pair}").sample(range(size), size)  # noqa: S311
    if number % 2:
        wrong = [size - 1 - i for i in wrong]
    return {
        "question": f"Please sort the following steps titled '{protocol.title}' in the correct order.",
        "wrong_steps": [correct[i] for i in wrong],
        "correct_steps": correct,
        "type": "top" if top else "child",
    }


def err(source: Source, number: int, hard: bool, rng: random.Random) -> Row:
    """A step that is right, or that has a wrong term; types of errors in turn."""
    kind = TYPES[number // 2 % len(TYPES)]
    protocol, place, step, term = _step_with(source, kind, hard, rng)
    last = len(protocol.method.operations) - 1
    context = {
        "purpose": protocol.title,
        "prior_step": protocol.brief(place - 1) if place > 0 else None,
        "next_step": protocol.brief(place + 1) if place < last else None,
    }
    if number % 2 == 0:
        corrected = {"corrupted_text": None, "corrected_text": step.text(), "is_correct": True, "type": "correct"}
        return {"context": context, **corrected}
    absurd = number % 5 < ABSURD
    wrong = rng.choice(step.absurd(term) if absurd else step.wrong(term))
    return {
        "context": context,
        "corrupted_text": step.text({term: wrong}),
        "corrected_text": step.text(),
        "is_correct": False,
        "type": kind,
        "error_description": f"The {grammar().group_of(term).name} has to be {step.right(term)}, not {wrong}.",
    }


def gen(source: Source, number: int, hard: bool, rng: random.Random) -> Row:
    """A part of a protocol to generate; half of the requests name its steps, the others its purpose and last step."""
    protocol = source.protocol(rng, hard=hard)
    size = SHORTEST + number % (LONGEST - SHORTEST + 1)
    first = rng.randrange(len(protocol.method.operations) - size + 1)
    places = range(first, first + size)
    headings = [protocol.heading(place) for place in places]
    last = f"{headings[-1]} of {protocol.names['sample']}"
    easy = number % 2 == 0
    if easy:
        request = f"For {protocol.title}, how to do {', '.join(headings[:-1])} and {last}?"
    elif first:
        request = f"During {protocol.title}, {protocol.heading(first - 1)} is done. How to go on up to {last}?"
    else:
        request = f"How to start {protocol.title}, up to {last}?"
    return {
        "system_prompt": f"You are an expert in {rng.choice(_FIELDS[protocol.method.kind])} protocols.",
        "instruction": rng.choice(_INSTRUCTIONS),
        "input": request,
        "output": [f"{i}. {without_articles(protocol.brief(place))}" for i, place in enumerate(places, start=1)],
        "type": "easy" if easy else "difficulty",
    }


def without_articles(step: str) -> str:
    """A step as in a notebook. An article in every step would be shared with any text that has articles."""
    return re.sub(r" (the|an?) ", " ", step)


_FIELDS: Mapping[str, Sequence[str]] = {
    "tissue": ("molecular biology", "nucleic acid"),
    "cells": ("cell biology", "cell culture"),
    "bacteria": ("microbiology", "cloning"),
}
_INSTRUCTIONS = (
    "Please describe the protocol as a flat list, numbered 1., 2., 3. Only short steps, no explanation.",
    "List the steps of the protocol in order, one a line with its number. Leave out materials and reasons.",
)


def _step_with(source: Source, kind: str, hard: bool, rng: random.Random) -> tuple[Protocol, int, Step, str]:
    """A protocol, the place of one of its steps, the step, and a term of this type that the step has."""
    while True:
        protocol = source.protocol(rng, hard=hard)
        place = rng.randrange(len(protocol.method.operations))
        step = protocol.step(place, rng)
        if terms := step.of_type(kind):
            return protocol, place, step, rng.choice(terms)


# -- raw rows and their defects ----------------------------------------------------------------------------------------


def raw_rows(recipe: Recipe, source: Source, rng: random.Random) -> list[Row]:
    """Raw rows with their defects, mixed."""
    repeated = round(REPEATED * recipe.raw_rows)
    rows = distinct(recipe, recipe.raw_rows - repeated, source, rng, evaluation=False)
    for row in rows:
        recipe.damage(row, rng)
        if rng.random() < NO_TYPE:
            row["type"] = rng.choice(("", None))
    rows += [dict(row) for row in rng.sample(rows, repeated)]
    rng.shuffle(rows)
    for number, row in enumerate(rows):
        row["id"] = f"{recipe.name.lower()}_{number}" if rng.random() < ODD_ID else f"{recipe.name}-{number:06}"
    return rows


def damaged_pqa(row: Row, rng: random.Random) -> None:
    """Stray white space and longer gaps; the type of another question."""
    if rng.random() < WHITE_SPACE:
        row["question"] = spaced(row["question"].replace(BLANK, BLANK + "__"), rng)
    if rng.random() < WRONG_TYPE:
        row["type"] = rng.choice([kind for kind in TYPES if kind != row["type"]])


def damaged_ord(row: Row, rng: random.Random) -> None:
    """Stray white space; steps with numbers in front, which reveal the order; a step that occurs twice."""
    if rng.random() < WHITE_SPACE:
        row["question"] = spaced(row["question"], rng)
    if rng.random() < NUMBERING:
        numbers = {step: f"1.{i} {step}" for i, step in enumerate(row["correct_steps"], start=1)}
        row["wrong_steps"] = [numbers[step] for step in row["wrong_steps"]]
        row["correct_steps"] = [numbers[step] for step in row["correct_steps"]]
    elif rng.random() < DOUBLE_STEP:
        step = rng.choice(row["correct_steps"])
        row["correct_steps"] = [*row["correct_steps"], step]
        row["wrong_steps"] = [step, *row["wrong_steps"]]


def damaged_err(row: Row, rng: random.Random) -> None:
    """Stray white space; numbers in the context; a wrong step that is given as the right one."""
    if rng.random() < WHITE_SPACE:
        row["corrected_text"] = spaced(row["corrected_text"], rng)
    if row["context"]["prior_step"] and rng.random() < NUMBERING:
        row["context"]["prior_step"] = f"1.{rng.randint(1, 9)} {row['context']['prior_step']}"
    if not row["is_correct"] and rng.random() < 2 * WRONG_VERDICT:  # half of the rows have an error
        row["is_correct"], row["corrected_text"] = True, row["corrupted_text"]


def damaged_gen(row: Row, rng: random.Random) -> None:
    """Stray white space; steps numbered in another way or not at all."""
    if rng.random() < WHITE_SPACE:
        row["input"] = spaced(row["input"], rng)
    if rng.random() < NUMBERING:
        form = rng.choice(("{}) {}", "Step {}: {}", "{1}"))
        row["output"] = [form.format(*step.split(". ", 1)) for step in row["output"]]


def spaced(text: str, rng: random.Random) -> str:
    """``text`` with white space as it comes from a page: doubled, around it, or a line break in it."""
    return rng.choice((text.replace(" ", "  ", 2), f" {text} ", text.replace(" ", "\n", 1)))
