"""Kinds of numerical questions: counting, totals, differences, ranks and changes over time.

Every second kind can be looked up (a highest value, a number of rows, a rank); the others have to be calculated.
"""

from __future__ import annotations

import random

from ftdojo_tasks.table.tables import Table, shortest
from ftdojo_tasks.table.twin_questions import Draft, Kind, code_of_cell, order, rounded, two

TYPE = "NumericalReasoning"
RANKS = ("highest", "second highest", "third highest")
DIGITS = 4
"""Decimals that programs round to, because their floats are not exact."""


def row_count(table: Table, rng: random.Random) -> Draft:
    """How many rows there are."""
    n = len(table.rows)
    return Draft(answer=str(n), why=f"The table has {n} rows, one for each {table.key}.", code="len(df)")


def count_above(table: Table, rng: random.Random) -> Draft | None:
    """How many values are above another."""
    column = rng.choice(table.numeric)
    numbers = table.numbers(column)
    limit = rng.choice(numbers)
    above = [name for name, number in zip(table.names, numbers, strict=True) if number > limit]
    if not above:
        return None
    return Draft(
        words={"column": column, "limit": str(limit)},
        answer=str(len(above)),
        why=f"The {column} is above {limit} for {', '.join(above)}.",
        code=f"(df[{column!r}] > {limit}).sum()",
    )


def extreme(table: Table, rng: random.Random) -> Draft:
    """The highest or lowest value."""
    column, word = rng.choice(table.numeric), rng.choice(("highest", "lowest"))
    found = (max if word == "highest" else min)(table.numbers(column))
    return Draft(
        words={"column": column, "extreme": word},
        answer=str(found),
        why=f"The values of {column} are {', '.join(table.cells(column))}, and the {word} of them is {found}.",
        code=f"df[{column!r}].{'max' if word == 'highest' else 'min'}()",
    )


def total(table: Table, rng: random.Random) -> Draft:
    """The sum of a column."""
    column = rng.choice(table.numeric)
    answer = shortest(sum(table.numbers(column)))
    return Draft(
        words={"column": column},
        answer=answer,
        why=f"{' + '.join(table.cells(column))} = {answer}.",
        code=f"round(df[{column!r}].sum(), {DIGITS})",
    )


def mean(table: Table, rng: random.Random) -> Draft:
    """The mean of a column, with one decimal."""
    column = rng.choice(table.numeric)
    numbers = table.numbers(column)
    answer = rounded(sum(numbers) / len(numbers), 1)
    return Draft(
        words={"column": column},
        answer=answer,
        why=f"({' + '.join(table.cells(column))}) / {len(numbers)} = {answer}.",
        code=f"round(df[{column!r}].mean(), 1)",
    )


def difference(table: Table, rng: random.Random) -> Draft | None:
    """How much higher one value of a column is than another."""
    column = rng.choice(table.numeric)
    names, numbers = table.names, table.numbers(column)
    a, b = rng.sample(range(len(names)), 2)
    if numbers[a] <= numbers[b]:
        return None
    answer = shortest(numbers[a] - numbers[b])
    return Draft(
        words={"column": column, "a": names[a], "b": names[b]},
        answer=answer,
        why=f"{numbers[a]} - {numbers[b]} = {answer}.",
        code=f"round({code_of_cell(table, names[a], column)} - {code_of_cell(table, names[b], column)}, {DIGITS})",
    )


def row_of_rank(table: Table, rng: random.Random) -> Draft | None:
    """Which row has the first, second or third highest value."""
    column, rank = rng.choice(table.numeric), rng.randrange(len(RANKS))
    places = order(table, column)
    if not places:
        return None
    name, value = table.names[places[rank]], table.cells(column)[places[rank]]
    return Draft(
        words={"column": column, "rank": RANKS[rank]},
        answer=name,
        why=f"The {RANKS[rank]} {column} is {value}, that of {name}.",
        code=f"df.nlargest({rank + 1}, {column!r})[{table.key!r}].iloc[-1]",
    )


def value_of_rank(table: Table, rng: random.Random) -> Draft | None:
    """The second or third highest value."""
    column, rank = rng.choice(table.numeric), rng.randrange(1, len(RANKS))
    places = order(table, column)
    if not places:
        return None
    answer = table.cells(column)[places[rank]]
    ranking = ", ".join(table.cells(column)[place] for place in places)
    return Draft(
        words={"column": column, "rank": RANKS[rank]},
        answer=answer,
        why=f"From high to low the values of {column} are {ranking}.",
        code=f"df[{column!r}].nlargest({rank + 1}).iloc[-1]",
    )


def row_sum(table: Table, rng: random.Random) -> Draft:
    """The sum of two values of a row."""
    first, second = two(table.numeric, rng)
    place = rng.randrange(len(table.rows))
    name, a, b = table.names[place], table.numbers(first)[place], table.numbers(second)[place]
    answer = shortest(a + b)
    codes = [code_of_cell(table, name, column) for column in (first, second)]
    return Draft(
        words={"first": first, "second": second, "name": name},
        answer=answer,
        why=f"{a} + {b} = {answer}.",
        code=f"round({codes[0]} + {codes[1]}, {DIGITS})",
    )


def top_two(table: Table, rng: random.Random) -> Draft | None:
    """The sum of a column over the two rows with the highest values of another."""
    wanted, column = two(table.numeric, rng)
    places = order(table, column)[:2]
    if not places:
        return None
    names, numbers = table.names, table.numbers(wanted)
    a, b = (numbers[place] for place in places)
    answer = shortest(a + b)
    return Draft(
        words={"wanted": wanted, "column": column},
        answer=answer,
        why=f"They are {names[places[0]]} and {names[places[1]]}: {a} + {b} = {answer}.",
        code=f"round(df.nlargest(2, {column!r})[{wanted!r}].sum(), {DIGITS})",
    )


def change(table: Table, rng: random.Random) -> Draft | None:
    """The rise or fall of a column from the first row to the last."""
    column = rng.choice(table.numeric)
    first, *_, last = table.numbers(column)
    if first == last:
        return None
    word, answer = "rise" if last > first else "fall", shortest(abs(last - first))
    return Draft(
        words={"column": column, "change": word, "start": table.names[0], "end": table.names[-1]},
        answer=answer,
        why=f"{max(first, last)} - {min(first, last)} = {answer}.",
        code=f"round(abs(df[{column!r}].iloc[-1] - df[{column!r}].iloc[0]), {DIGITS})",
    )


def next_row(table: Table, rng: random.Random) -> Draft:
    """The value that follows another."""
    column, place = rng.choice(table.numeric), rng.randrange(1, len(table.rows))
    names, answer = table.names, table.cells(column)[place]
    return Draft(
        words={"column": column, "name": names[place - 1]},
        answer=answer,
        why=f"The {table.key} after {names[place - 1]} is {names[place]}, with the {column} {answer}.",
        code=f"df[{column!r}].iloc[{place}]",
    )


KINDS = (
    Kind(
        TYPE,
        "Counting",
        row_count,
        (
            "How many {keys} are in the table?",
            "How many rows does the table have, one for each {key}?",
            "Count the {keys} that are listed.",
        ),
    ),
    Kind(
        TYPE,
        "Aggregation",
        total,
        (
            "What is the total {column} of all {keys}?",
            "What is the sum of {column} over all {keys}?",
            "Add up {column} for all {keys}.",
        ),
    ),
    Kind(
        TYPE,
        "Ranking",
        row_of_rank,
        (
            "Which {key} has the {rank} {column}?",
            "The {rank} {column} is that of which {key}?",
            "Name the {key} that has the {rank} {column}.",
        ),
    ),
    Kind(
        TYPE,
        "Comparison",
        difference,
        (
            "How much higher is the {column} of {a} than that of {b}?",
            "What is the {column} of {a} minus the {column} of {b}?",
            "By how much does {a} exceed {b} in {column}?",
        ),
    ),
    Kind(
        TYPE,
        "Aggregation",
        extreme,
        (
            "What is the {extreme} {column}?",
            "What is the {extreme} value of {column} in the table?",
            "Give the {extreme} number in the column {column}.",
        ),
    ),
    Kind(
        TYPE,
        "Counting",
        count_above,
        (
            "How many {keys} have a {column} above {limit}?",
            "For how many {keys} is the {column} higher than {limit}?",
            "Count the {keys} whose {column} exceeds {limit}.",
        ),
    ),
    Kind(
        TYPE,
        "Time-basedCalculation",
        next_row,
        (
            "What is the {column} of the {key} listed right after {name}?",
            "Which {column} does the {key} that follows {name} have?",
            "Go one {key} on from {name}: what is the {column}?",
        ),
        timed=True,
    ),
    Kind(
        TYPE,
        "ArithmeticCalculation",
        row_sum,
        (
            "What is {first} plus {second} for {name}?",
            "What is the sum of {first} and {second} of {name}?",
            "Add the {first} and the {second} of {name}.",
        ),
    ),
    Kind(
        TYPE,
        "Ranking",
        value_of_rank,
        (
            "What is the {rank} {column}?",
            "What is the {rank} value of {column} in the table?",
            "Give the {rank} number in the column {column}.",
        ),
    ),
    Kind(
        TYPE,
        "Time-basedCalculation",
        change,
        (
            "How much did {column} {change} from {start} to {end}?",
            "By how much did {column} {change} between {start} and {end}?",
            "What was the {change} in {column} from {start} until {end}?",
        ),
        timed=True,
    ),
    Kind(
        TYPE,
        "Aggregation",
        mean,
        (
            "What is the average {column}, rounded to one decimal?",
            "What is the mean of {column}, rounded to one decimal?",
            "Average {column} over all {keys}, rounded to one decimal.",
        ),
    ),
    Kind(
        TYPE,
        "Multi-hop NumericalReasoing",
        top_two,
        (
            "What is the total {wanted} of the two {keys} with the highest {column}?",
            "What is the sum of {wanted} for the two {keys} highest in {column}?",
            "Take the two {keys} with the highest {column} and add their {wanted}.",
        ),
    ),
)
"""Easy and hard kinds in turn; the spelling of the last one's name is the published one."""
