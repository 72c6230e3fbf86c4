"""The generated stand-in for FinanceIQ: same files, columns, prompt, scorer and unevenness; computed answers.

What is as in the real data: ten subjects with one CSV file each, whose first column has no name; questions with four
options and a letter, no reasoning; subjects of very different sizes; some letters more frequent than others; questions
that occur twice. What is not: questions are short and in English, so that a small model can read and partly learn them.

Seven in ten answers can be learnt from the words of the question, by habits of examiners. Amounts are in ascending
order: of three, which ask for the smallest or the largest one, the answer is A or D. Three have to be calculated; as
the wrong options are usual slips, it mostly is the second one. "All of these" is right, and last. Three have
to be read: two ask for the only honest conduct, one for the option that repeats a word of the question. Their letters
make up for the others', so that in validation and test each is right equally often. Training, validation and test
questions are made from different attributes and amounts.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftdojo.tasks.rows import write_jsonl
from ftdojo.tasks.spec import Sources
from ftdojo_tasks.finance.financeiq import LETTERS, SUBJECTS
from ftdojo_tasks.finance.table import SHOTS, Question, content, item, write
from ftdojo_tasks.splits import three_parts

SEED = "financeiq twin 55"
"""One with which each letter is right equally often, in validation and in test."""
ROWS = dict(zip(SUBJECTS, (404, 381, 359, 257, 199, 129, 163, 111, 65, 44), strict=True))
"""Raw rows a subject, in the proportions of the real data."""
ITEMS = 10
"""Items a subject in each of validation and test."""
LETTER_SHARES = (0.14, 0.29, 0.43, 0.14)
"""Of the raw rows whose options have no order of their own."""
REPEATED = 0.02

NOUNS = dict(
    zip(
        SUBJECTS,
        (
            ("asset", "liability", "expense", "revenue", "reserve"),
            ("deposit", "loan", "card", "mortgage", "transfer"),
            ("share", "bond", "warrant", "index", "dividend"),
            ("fund", "trust", "portfolio", "custodian", "unit"),
            ("policy", "annuity", "claim", "premium", "insurer"),
            ("wage", "subsidy", "tariff", "price", "market"),
            ("tax", "duty", "levy", "refund", "invoice"),
            ("future", "swap", "option", "forward", "margin"),
            ("budget", "pension", "gift", "goal", "saving"),
            ("perpetuity", "coupon", "discount", "yield", "reserve"),
        ),
        strict=True,
    )
)
"""What a subject's questions are about."""
# fmt: off
ATTRIBUTES = (
    "annual", "monthly", "weekly", "daily", "early", "late", "new", "old", "large", "small", "public", "private",
    "local", "foreign", "rural", "urban", "fixed", "flexible", "open", "closed", "simple", "mixed", "direct",
    "indirect", "joint", "single", "double", "global", "regional", "national", "first", "second", "final", "initial",
    "special", "general", "common", "basic", "prime", "senior", "junior", "green", "blue", "red", "gold", "silver",
    "fast", "slow", "free", "paid", "full", "empty", "plain", "rich", "royal", "modern", "ancient", "northern",
    "southern", "eastern", "western", "central",
)
# fmt: on
HONEST = ("disclose", "explain", "verify", "document")
DISHONEST = ("hide", "forge", "steal", "destroy", "falsify", "conceal")
ALL = "all of these"
AMOUNTS = range(200, 10_000, 20)
HELD_OUT = 0.2
"""Share of the attributes and amounts for each of validation and test."""


@dataclass(frozen=True, slots=True)
class Source:
    """What the questions of one split are made from."""

    attributes: Sequence[str]
    amounts: Sequence[int]
    rng: random.Random

    def amount(self, highest: int = 9980) -> int:
        """An amount of the split of at most ``highest``."""
        return self.rng.choice([amount for amount in self.amounts if amount <= highest])


@dataclass(frozen=True, slots=True)
class Draft:
    """A question before its options have letters."""

    question: str
    right: str
    wrong: tuple[str, ...]
    """At least three different ones, none of them right."""
    order: Callable[[str], int] | None = None
    """By what the options are sorted; in any order if ``None``."""


def build(folder: Path, sources: Sources) -> None:
    """Write ``raw/``, ``validation.jsonl`` and ``test.jsonl`` into ``folder``."""
    rng = random.Random(SEED)  # noqa: S311 - reproducible data, not secrets
    train, validation, test = split(rng)
    raw = folder / "raw" / "data" / "train"
    raw.mkdir(parents=True)
    shots = {}

    def uneven() -> str:
        return rng.choices(LETTERS, LETTER_SHARES)[0]

    for subject, total in ROWS.items():
        new = total - round(REPEATED * total)
        questions = list(make(subject, new + SHOTS, train, uneven))
        shots[subject] = questions[:SHOTS]
        rows = questions[SHOTS:]
        rows += rng.sample(rows, total - new)
        rng.shuffle(rows)
        write(raw / f"{subject}.csv", rows)
    for name, source in (("validation", validation), ("test", test)):
        write_jsonl(folder / f"{name}.jsonl", items(name, source, shots))


def split(rng: random.Random) -> tuple[Source, Source, Source]:
    """What training, validation and test questions are made from: nothing of it in two of them."""
    attributes = three_parts(ATTRIBUTES, HELD_OUT, rng)
    amounts = three_parts(AMOUNTS, HELD_OUT, rng)
    train, validation, test = (Source(attributes[i], amounts[i], rng) for i in range(3))
    return train, validation, test


def items(name: str, source: Source, shots: Mapping[str, Sequence[Question]]) -> list[dict[str, Any]]:
    """The items of an evaluation split; over all subjects every letter is right equally often."""
    found: list[dict[str, Any]] = []

    def rarest() -> str:
        counts = Counter(question["answer"] for question in found)
        return min(LETTERS, key=lambda letter: counts[letter])

    for subject in SUBJECTS:
        for number, question in enumerate(make(subject, ITEMS, source, rarest)):
            found.append({**item(subject, number, question, shots[subject]), "id": f"{name}-{subject}-{number}"})
    return found


def make(subject: str, n: int, source: Source, letter: Callable[[], str]) -> Iterator[Question]:
    """Different questions of one subject, the kinds in turn. ``letter`` is asked where the options have no order."""
    seen: set[tuple[str, ...]] = set()
    while len(seen) < n:
        draft = KINDS[len(seen) % len(KINDS)](subject, source)
        question = lettered(draft, letter, source.rng)
        if content(question) not in seen:
            seen.add(content(question))
            yield question


def lettered(draft: Draft, letter: Callable[[], str], rng: random.Random) -> Question:
    """A question with its options in their order or, without one, with the right option at the letter that is given."""
    options = rng.sample(draft.wrong, len(LETTERS) - 1)
    if draft.order:
        options = sorted([*options, draft.right], key=draft.order)
    else:
        options.insert(LETTERS.index(letter()), draft.right)
    answer = LETTERS[options.index(draft.right)]
    return {"question": draft.question, **dict(zip(LETTERS, options, strict=True)), "answer": answer}


# -- kinds whose answer can be read off the options ----------------------------------------------------------------


def conduct(subject: str, source: Source) -> Draft:
    """The only honest conduct."""
    verbs = (source.rng.choice(HONEST), *source.rng.sample(DISHONEST, len(LETTERS) - 1))
    right, *wrong = (
        f"{verb} the {source.rng.choice(source.attributes)} {source.rng.choice(NOUNS[subject])}" for verb in verbs
    )
    return Draft("Which conduct is honest?", right, tuple(wrong))


def all_honest(subject: str, source: Source) -> Draft:
    """Three honest conducts, and that it is all of them."""
    wrong = [
        f"{verb} the {source.rng.choice(source.attributes)} {source.rng.choice(NOUNS[subject])}"
        for verb in source.rng.sample(HONEST, len(LETTERS) - 1)
    ]
    return Draft("Which conduct is honest?", ALL, tuple(wrong), order=lambda option: option == ALL)


def same_word(subject: str, source: Source) -> Draft:
    """The option that repeats the question's word."""
    nouns = source.rng.sample(NOUNS[subject], len(LETTERS))
    right, *wrong = (f"{source.rng.choice(source.attributes)} {noun}" for noun in nouns)
    return Draft(f"Which is a kind of {nouns[0]}?", right, tuple(wrong))


def extreme(subject: str, source: Source) -> Draft:
    """The largest or smallest amount."""
    noun = source.rng.choice(NOUNS[subject])
    (which,) = source.rng.choices(("smallest", "largest"), (3, 2))  # against the D of `all_honest`
    amounts = sorted(source.rng.sample(source.amounts, len(LETTERS)), reverse=which == "largest")
    right, *wrong = map(str, amounts)
    return Draft(f"Which {noun} is the {which}?", right, tuple(wrong), order=int)


# -- kinds whose answer has to be calculated ------------------------------------------------------------------------


def percentage(subject: str, source: Source) -> Draft:
    """A percentage of an amount."""
    noun, rate, amount = source.rng.choice(NOUNS[subject]), source.rng.choice((5, 10, 15)), source.amount()
    right = amount * rate // 100
    return _amounts(
        f"How much is {rate}% of a {noun} of {amount}?", right, (amount - right, right * 10, amount // rate)
    )


def interest(subject: str, source: Source) -> Draft:
    """Simple interest."""
    noun, rate, years = source.rng.choice(NOUNS[subject]), source.rng.choice((5, 10)), source.rng.choice((2, 3, 4))
    amount = source.amount()
    yearly = amount * rate // 100
    slips = (yearly, amount + yearly * years, yearly * (years + 1))
    return _amounts(f"Simple interest on a {noun} of {amount} at {rate}% for {years} years?", yearly * years, slips)


def balance(subject: str, source: Source) -> Draft:
    """What is left of an amount."""
    noun = source.rng.choice(NOUNS[subject])
    amount, part = source.amount(), source.rng.randrange(20, 200, 20)
    slips = (amount + part, part, amount + 2 * part)
    return _amounts(f"A {noun} of {amount} falls by {part}. What is left?", amount - part, slips)


def _amounts(question: str, right: int, slips: Sequence[int]) -> Draft:
    """A draft of amounts; a slip that comes to the right amount or another slip is moved on."""
    taken = [right]
    for slip in slips:
        while slip in taken:
            slip += 20  # noqa: PLW2901
        taken.append(slip)
    return Draft(question, str(right), tuple(map(str, taken[1:])), order=int)


KINDS: tuple[Callable[[str, Source], Draft], ...] = (
    all_honest,
    percentage,
    extreme,
    interest,
    extreme,
    balance,
    extreme,
    conduct,
    same_word,
    conduct,
)
