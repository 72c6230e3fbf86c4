r"""The generated stand-in for DeepScaleR and AIME: same files, fields, prompt, scorer and defects; computed answers.

As in the real data: one JSON list of problem, answer and solution, all text, LaTeX in dollars; four fifths of
the solutions are empty and the others short; a few answers are missing, some are wrong, some are fractions; some
problems occur twice. Evaluation answers are integers from 0 to 999. Unlike it: problems are short and elementary, so
that a small model can learn a part of them quickly. The easy kinds can be read off the digits of the problem, the
others have to be calculated.

Training, validation and test problems are made from different numbers: every number above 99 that occurs in a problem
belongs to one of the three only.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftdojo.tasks.rows import write_jsonl
from ftdojo.tasks.spec import Sources
from ftdojo_tasks.splits import three_parts

NUMBERS = range(100, 10_000)
HELD_OUT = 0.15
"""Share of the numbers for each of validation and test."""
RAW_ROWS = 2000
ITEMS = 100
MAX_SAME_ANSWER = 3
"""So often may an answer occur among the items of a split."""
FRACTIONS, NO_SOLUTION, NO_ANSWER, WRONG_ANSWER, REPEATED = 0.06, 0.82, 0.003, 0.01, 0.01
"""Shares of the raw rows with each property."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem with its computed answer."""

    question: str
    answer: str
    solution: str
    """One short and true step."""


@dataclass(frozen=True, slots=True)
class Source:
    """Numbers for problems, all of one split."""

    numbers: tuple[int, ...]
    rng: random.Random

    def number(self, lowest: int, highest: int) -> int:
        """A number of the split from ``lowest`` to ``highest``."""
        while not lowest <= (number := self.rng.choice(self.numbers)) <= highest:
            pass
        return number

    def numbers_below_1000(self, n: int) -> list[int]:
        """``n`` different three-digit numbers of the split."""
        found: list[int] = []
        while len(found) < n:
            if (number := self.number(100, 999)) not in found:
                found.append(number)
        return found


def build(folder: Path, sources: Sources, *, seed: str) -> None:
    """Write ``raw/deepscaler.json``, ``validation.jsonl`` and ``test.jsonl`` into ``folder``."""
    rng = random.Random(seed)  # noqa: S311 - reproducible data, not secrets
    train, validation, test = three_parts(NUMBERS, HELD_OUT, rng)
    (folder / "raw").mkdir()
    rows = raw_rows(Source(tuple(train), rng), RAW_ROWS)
    (folder / "raw" / "deepscaler.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", "utf-8")
    for name, numbers in (("validation", validation), ("test", test)):
        write_jsonl(folder / f"{name}.jsonl", map(item, evaluation_problems(Source(tuple(numbers), rng), ITEMS)))


def item(problem: Problem) -> dict[str, str]:
    """An evaluation item."""
    name = hashlib.sha256(problem.question.encode()).hexdigest()[:12]
    return {"id": name, "question": problem.question, "answer": problem.answer}


def evaluation_problems(source: Source, n: int) -> list[Problem]:
    """``n`` different problems, the kinds in turn, so that each has its share."""
    problems: dict[str, Problem] = {}
    answers: Counter[str] = Counter()
    while len(problems) < n:
        problem = KINDS[len(problems) % len(KINDS)](source)
        if problem.question not in problems and answers[problem.answer] < MAX_SAME_ANSWER:
            problems[problem.question] = problem
            answers[problem.answer] += 1
    return list(problems.values())


def raw_rows(source: Source, total: int) -> list[dict[str, str]]:
    """Raw rows with their defects."""
    rng = source.rng
    rows: dict[str, dict[str, str]] = {}
    while len(rows) < total - round(REPEATED * total):
        problem = fraction(source) if rng.random() < FRACTIONS else rng.choice(KINDS)(source)
        rows.setdefault(problem.question, row(problem, rng))
    every = list(rows.values())
    every += rng.sample(every, total - len(every))
    rng.shuffle(every)
    return every


def row(problem: Problem, rng: random.Random) -> dict[str, str]:
    """A raw row, in a few cases with one of the known defects."""
    answer, chance = problem.answer, rng.random()
    if chance < NO_ANSWER:
        answer = ""
    elif chance < NO_ANSWER + WRONG_ANSWER and answer.isdigit():
        answer = str(int(answer) + rng.choice((1, 2, 10)))
    solution = "" if rng.random() < NO_SOLUTION else problem.solution
    return {"problem": problem.question, "answer": answer, "solution": solution}


# -- kinds whose answer can be read off the problem ----------------------------------------------------------------


def last_digits(source: Source) -> Problem:
    """The remainder by a power of ten."""
    n, modulus = source.number(1100, 9999), source.rng.choice((100, 1000))
    zeros = int(math.log10(modulus))
    return Problem(
        f"Find the remainder when ${n}$ is divided by ${modulus}$.",
        str(n % modulus),
        f"The remainder is formed by the last {zeros} digits of ${n}$.",
    )


def largest(source: Source) -> Problem:
    """The largest of some numbers."""
    numbers = source.numbers_below_1000(source.rng.choice((3, 4)))
    return Problem(f"Find the largest of the integers {listed(numbers)}.", str(max(numbers)), in_order(numbers))


def smallest(source: Source) -> Problem:
    """The smallest of some numbers."""
    numbers = source.numbers_below_1000(source.rng.choice((3, 4)))
    return Problem(f"Find the smallest of the integers {listed(numbers)}.", str(min(numbers)), in_order(numbers))


def term(source: Source) -> Problem:
    """The first or last term of a sequence that is written out."""
    numbers = source.numbers_below_1000(4)
    place = source.rng.choice(("first", "last"))
    answer = numbers[0 if place == "first" else -1]
    return Problem(
        f"A sequence consists of the terms {listed(numbers)}. Find its {place} term.",
        str(answer),
        f"The {place} term of the sequence is ${answer}$.",
    )


def known_value(source: Source) -> Problem:
    """The value of one of two variables."""
    a, b = source.numbers_below_1000(2)
    name, value = source.rng.choice((("a", a), ("b", b)))
    return Problem(f"Let $a = {a}$ and $b = {b}$. Find ${name}$.", str(value), f"It is given that ${name} = {value}$.")


# -- kinds whose answer has to be calculated ------------------------------------------------------------------------


def increased(source: Source) -> Problem:
    """A sum with a small number."""
    n, k = source.number(100, 980), source.rng.randrange(2, 20)
    return Problem(f"Find the sum of ${n}$ and ${k}$.", str(n + k), f"${n} + {k} = {n + k}$.")


def digit_sum(source: Source) -> Problem:
    """The sum of the digits."""
    n = source.number(1000, 9999)
    total = sum(map(int, str(n)))
    return Problem(f"Find the sum of the digits of ${n}$.", str(total), f"${' + '.join(str(n))} = {total}$.")


def solved(source: Source) -> Problem:
    """The root of a linear equation."""
    total, factor = source.number(100, 999), source.rng.randrange(2, 6)
    offset = total % factor + factor * source.rng.randrange(1, 5)
    x = (total - offset) // factor
    return Problem(
        f"Find the value of $x$ for which ${factor}x + {offset} = {total}$.",
        str(x),
        f"${factor}x = {total - offset}$, so $x = {x}$.",
    )


def multiples(source: Source) -> Problem:
    """How many multiples of a number there are up to another."""
    n, k = source.number(100, 999), source.rng.randrange(3, 13)
    return Problem(
        f"Find the number of positive multiples of ${k}$ that are at most ${n}$.",
        str(n // k),
        f"There are $\\lfloor {n}/{k} \\rfloor = {n // k}$ of them.",
    )


def remainder(source: Source) -> Problem:
    """The remainder by a number that is no power of ten."""
    n, modulus = source.number(100, 9999), source.rng.randrange(11, 60)
    return Problem(
        f"Find the remainder when ${n}$ is divided by ${modulus}$.",
        str(n % modulus),
        f"${n} = {modulus} \\cdot {n // modulus} + {n % modulus}$.",
    )


KINDS: tuple[Callable[[Source], Problem], ...] = (
    last_digits,
    increased,
    largest,
    digit_sum,
    term,
    solved,
    smallest,
    multiples,
    known_value,
    remainder,
)
"""Easy and hard kinds in turn."""


def fraction(source: Source) -> Problem:
    """A problem of the raw data only: its answer is no integer."""
    n, k = source.number(100, 999), source.rng.randrange(7, 60)
    while n % k == 0:
        k += 1
    divisor = math.gcd(n, k)
    answer = f"\\frac{{{n // divisor}}}{{{k // divisor}}}"
    return Problem(f"Write ${n} : {k}$ as a fraction in lowest terms.", answer, f"Divide both by ${divisor}$.")


def listed(numbers: Sequence[int]) -> str:
    """Numbers as LaTeX, the last after *and*."""
    texts = [f"${number}$" for number in numbers]
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


def in_order(numbers: Sequence[int]) -> str:
    """The order of numbers as a solution."""
    return f"In increasing order: {listed(sorted(numbers))}."
