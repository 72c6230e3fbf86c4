"""Questions about a table: the common parts of the four table tasks' generators.

A kind of question is a function that finds, in a given table, the words of a question, its answer, a reason and a
pandas expression with the same value; and some wordings, the last of which never occurs in the training data.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from ftdojo_tasks.table.tables import Sheet, Table, cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a kind found in a table."""

    words: Mapping[str, str] = field(default_factory=dict)
    """For the wordings, besides ``key`` and ``keys``."""
    answer: str
    why: str
    """One true sentence that leads to the answer."""
    code: str
    """A pandas expression over ``df`` with the value of the answer; of a chart the lines that draw it."""
    chart: str = ""
    group: str = ""
    """Which of the kind's groups it belongs to."""


Make = Callable[[Table, random.Random], Draft | None]
"""Finds a draft, or none if the table is not fit for one."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of question."""

    type: str
    subtype: str
    make: Make
    wordings: tuple[str, ...]
    subtask: str = ""
    timed: bool = False
    """Whether the question is about the order of the rows."""
    groups: tuple[str, ...] = ("",)
    """Groups of drafts that are to be equally frequent, however rare some are among tables."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a table, with its answer."""

    kind: Kind
    table: Table
    text: str
    draft: Draft


def ask(kind: Kind, sheets: Sequence[Sheet], rng: random.Random, *, training: bool) -> Question:
    """A question of that kind about a table cut from one of the sheets."""
    fit = [sheet for sheet in sheets if sheet.timed or not kind.timed]
    group = rng.choice(kind.groups)
    while True:
        table = cut(rng.choice(fit), rng)
        draft = kind.make(table, rng)
        if draft and draft.group == group:
            wording = rng.choice(kind.wordings[:-1] if training else kind.wordings)
            text = wording.format(key=table.key, keys=table.sheet.plural, **draft.words)
            return Question(kind, table, text, draft)


# -- for the kinds ---------------------------------------------------------------------------------------------------


def order(table: Table, column: str) -> list[int]:
    """The places of the rows, the highest value first; empty if two rows have the same value."""
    numbers = table.numbers(column)
    if len(set(numbers)) < len(numbers):
        return []
    return sorted(range(len(numbers)), key=numbers.__getitem__, reverse=True)


def two(names: Sequence[str], rng: random.Random) -> tuple[str, str]:
    """Two different ones."""
    first, second = rng.sample(names, 2)
    return first, second


def rounded(number: Decimal | Fraction | float, digits: int) -> str:
    """Round to ``digits`` decimals, halves away from zero, without negative zero."""
    exact = Fraction(number)
    step = Decimal(10) ** -digits
    text = f"{(Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(step, ROUND_HALF_UP):f}"
    return text.removeprefix("-") if not Decimal(text) else text


def yes(fact: bool) -> str:
    """The answer to whether it is so."""
    return "Yes" if fact else "No"


def yes_if(code: str) -> str:
    """The code of that answer."""
    return f"'Yes' if {code} else 'No'"


def literal(cell: str) -> str:
    """A cell as pandas reads it from a CSV file."""
    try:
        Decimal(cell)
    except ArithmeticError:
        return repr(cell)
    return cell


def code_of_cell(table: Table, name: str, column: str) -> str:
    """The code of one cell."""
    return f"df.loc[df[{table.key!r}] == {literal(name)}, {column!r}].iloc[0]"


def code_at_extreme(column: str, extreme: str, wanted: str) -> str:
    """The code of a cell in the row with the highest (``max``) or lowest (``min``) value of a column."""
    return f"df.loc[df[{column!r}].idx{extreme}(), {wanted!r}]"
