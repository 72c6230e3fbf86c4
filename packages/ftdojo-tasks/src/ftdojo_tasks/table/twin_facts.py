"""Kinds of fact-checking questions: claims to be answered with Yes or No, and facts to be named.

Half of them can be looked up in one step, the others take two.
"""

from __future__ import annotations

import random

from ftdojo_tasks.table.tables import Table
from ftdojo_tasks.table.twin_questions import (
    Draft,
    Kind,
    code_at_extreme,
    code_of_cell,
    literal,
    order,
    two,
    yes,
    yes_if,
)

TYPE = "FactChecking"
ONE_STEP, TWO_STEPS = "MatchBased", "Multi-hop FactChecking"
CLAIM = ("Yes", "No")
HIGHEST, LOWEST = ("highest", 0, "max"), ("lowest", -1, "min")
"""Word, place in :func:`order`, pandas name."""


def cell_claim(table: Table, rng: random.Random) -> Draft | None:
    """Whether a cell is as claimed."""
    column, place = rng.choice(table.columns[1:]), rng.randrange(len(table.rows))
    cells = table.cells(column)
    others = sorted(set(cells) - {cells[place]})
    if not others:
        return None
    name, value = table.names[place], rng.choice((cells[place], rng.choice(others)))
    return Draft(
        words={"name": name, "column": column, "value": value},
        answer=yes(value == cells[place]),
        group=yes(value == cells[place]),
        why=f"The {column} of {name} is {cells[place]}.",
        code=yes_if(f"{code_of_cell(table, name, column)} == {literal(value)}"),
    )


def higher_claim(table: Table, rng: random.Random) -> Draft | None:
    """Whether one row has the higher value."""
    column, (a, b) = rng.choice(table.numeric), rng.sample(range(len(table.rows)), 2)
    numbers, names = table.numbers(column), table.names
    if numbers[a] == numbers[b]:
        return None
    cells = table.cells(column)
    return Draft(
        words={"a": names[a], "b": names[b], "column": column},
        answer=yes(numbers[a] > numbers[b]),
        group=yes(numbers[a] > numbers[b]),
        why=f"The {column} of {names[a]} is {cells[a]} and that of {names[b]} is {cells[b]}.",
        code=yes_if(f"{code_of_cell(table, names[a], column)} > {code_of_cell(table, names[b], column)}"),
    )


def cell(table: Table, rng: random.Random) -> Draft:
    """What a cell is."""
    column, place = rng.choice(table.columns[1:]), rng.randrange(len(table.rows))
    name, value = table.names[place], table.cells(column)[place]
    return Draft(
        words={"name": name, "column": column},
        answer=value,
        why=f"The row of {name} has the {column} {value}.",
        code=code_of_cell(table, name, column),
    )


def row_of_value(table: Table, rng: random.Random) -> Draft | None:
    """Which row has a value."""
    column, place = rng.choice(table.numeric), rng.randrange(len(table.rows))
    cells = table.cells(column)
    name, value = table.names[place], cells[place]
    if cells.count(value) > 1:
        return None
    return Draft(
        words={"column": column, "value": value},
        answer=name,
        why=f"The {column} {value} is in the row of {name}.",
        code=f"df.loc[df[{column!r}] == {literal(value)}, {table.key!r}].iloc[0]",
    )


def extreme_row(table: Table, rng: random.Random) -> Draft | None:
    """Which row has the highest or lowest value."""
    column, (word, place, extreme) = rng.choice(table.numeric), rng.choice((HIGHEST, LOWEST))
    places = order(table, column)
    if not places:
        return None
    name, value = table.names[places[place]], table.cells(column)[places[place]]
    return Draft(
        words={"column": column, "extreme": word},
        answer=name,
        why=f"The {word} {column} is {value}, that of {name}.",
        code=code_at_extreme(column, extreme, table.key),
    )


def value_at_extreme(table: Table, rng: random.Random) -> Draft | None:
    """Which value the row with the highest or lowest value of another column has."""
    wanted, column = two(table.numeric, rng)
    word, place, extreme = rng.choice((HIGHEST, LOWEST))
    places = order(table, column)
    if not places:
        return None
    name, value = table.names[places[place]], table.cells(wanted)[places[place]]
    return Draft(
        words={"wanted": wanted, "column": column, "extreme": word},
        answer=value,
        why=f"The {word} {column} is that of {name}, and its {wanted} is {value}.",
        code=code_at_extreme(column, extreme, wanted),
    )


def same_row_claim(table: Table, rng: random.Random) -> Draft | None:
    """Whether one row has the highest values of two columns."""
    first, second = two(table.numeric, rng)
    places, others = order(table, first), order(table, second)
    if not places or not others:
        return None
    names = table.names
    return Draft(
        words={"first": first, "second": second},
        answer=yes(places[0] == others[0]),
        group=yes(places[0] == others[0]),
        why=f"The highest {first} is that of {names[places[0]]} and the highest {second} that of {names[others[0]]}.",
        code=yes_if(f"df[{first!r}].idxmax() == df[{second!r}].idxmax()"),
    )


def extreme_claim(table: Table, rng: random.Random) -> Draft | None:
    """Whether the row with the highest or lowest value of one column has more than a given value of another."""
    wanted, column = two(table.numeric, rng)
    word, place, extreme = rng.choice((HIGHEST, LOWEST))
    places = order(table, column)
    if not places:
        return None
    numbers, cells = table.numbers(wanted), table.cells(wanted)
    found = places[place]
    limit = rng.randrange(len(numbers))
    if numbers[limit] == numbers[found]:
        return None
    return Draft(
        words={"wanted": wanted, "column": column, "extreme": word, "limit": cells[limit]},
        answer=yes(numbers[found] > numbers[limit]),
        group=yes(numbers[found] > numbers[limit]),
        why=f"The {word} {column} is that of {table.names[found]}, and its {wanted} is {cells[found]}.",
        code=yes_if(f"{code_at_extreme(column, extreme, wanted)} > {cells[limit]}"),
    )


KINDS = (
    Kind(
        TYPE,
        ONE_STEP,
        cell_claim,
        (
            "Is the {column} of {name} {value}? Yes or No?",
            "Does {name} have the {column} {value}? Yes or No?",
            "Does the table say that {value} is the {column} of {name}? Yes or No?",
        ),
        groups=CLAIM,
    ),
    Kind(
        TYPE,
        TWO_STEPS,
        value_at_extreme,
        (
            "What is the {wanted} of the {key} with the {extreme} {column}?",
            "Which {wanted} has the {key} whose {column} is {extreme}?",
            "Find the {key} with the {extreme} {column}. What is its {wanted}?",
        ),
    ),
    Kind(
        TYPE,
        ONE_STEP,
        higher_claim,
        (
            "Is the {column} of {a} higher than that of {b}? Yes or No?",
            "Does {a} have a higher {column} than {b}? Yes or No?",
            "Comparing {column}, is {a} above {b}? Yes or No?",
        ),
        groups=CLAIM,
    ),
    Kind(
        TYPE,
        ONE_STEP,
        row_of_value,
        (
            "Which {key} has the {column} {value}?",
            "The {column} is {value} for which {key}?",
            "Name the {key} with {value} as its {column}.",
        ),
    ),
    Kind(
        TYPE,
        TWO_STEPS,
        same_row_claim,
        (
            "Does the {key} with the highest {first} also have the highest {second}? Yes or No?",
            "Are the highest {first} and the highest {second} of the same {key}? Yes or No?",
            "Is one {key} the highest in both {first} and {second}? Yes or No?",
        ),
        groups=CLAIM,
    ),
    Kind(
        TYPE,
        ONE_STEP,
        cell,
        (
            "What is the {column} of {name}?",
            "Which {column} does {name} have?",
            "State the {column} given for {name}.",
        ),
    ),
    Kind(
        TYPE,
        TWO_STEPS,
        extreme_claim,
        (
            "Is the {wanted} of the {key} with the {extreme} {column} above {limit}? Yes or No?",
            "Does the {key} whose {column} is {extreme} have a {wanted} above {limit}? Yes or No?",
            "Take the {key} with the {extreme} {column}: is its {wanted} more than {limit}? Yes or No?",
        ),
        groups=CLAIM,
    ),
    Kind(
        TYPE,
        ONE_STEP,
        extreme_row,
        (
            "Which {key} has the {extreme} {column}?",
            "The {extreme} {column} is that of which {key}?",
            "Name the {key} whose {column} is the {extreme}.",
        ),
    ),
)
"""Claims and facts in turn."""
