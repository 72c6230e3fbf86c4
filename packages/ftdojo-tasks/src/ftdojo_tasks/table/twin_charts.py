"""Kinds of chart questions: the answer is the y values that a program has to draw, the code a program that does.

Bars, lines and points of an unchanged column are the easy kinds; differences, highest rows and totals the hard ones.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal

from ftdojo_tasks.table.tables import Table, shortest
from ftdojo_tasks.table.twin_questions import Draft, Kind, order, two

TYPE, SUBTYPE = "Visualization", "ChartGeneration"
CALLS = {"bar": "bar", "line": "plot", "scatter": "scatter"}
"""Chart type -> function of pyplot."""
TOP = (2, 3)


def answer(series: Sequence[Sequence[Decimal]]) -> str:
    """The y values in the form of TableBench."""
    lists = (f"[{', '.join(map(shortest, values))}]" for values in series)
    return f"y_references = [{', '.join(lists)}]"


def call(chart: str, x: str, y: str) -> str:
    """The statement that draws one series."""
    return f"plt.{CALLS[chart]}({x}, {y})"


def column_chart(table: Table, rng: random.Random) -> Draft:
    """One column by row."""
    chart, column = rng.choice(tuple(CALLS)), rng.choice(table.numeric)
    return Draft(
        words={"chart": chart, "column": column},
        answer=answer([table.numbers(column)]),
        why=f"I draw {column} for every {table.key}.",
        code=call(chart, f"df[{table.key!r}]", f"df[{column!r}]"),
        chart=chart,
    )


def points(table: Table, rng: random.Random) -> Draft:
    """One column against another."""
    first, second = two(table.numeric, rng)
    return Draft(
        words={"first": first, "second": second},
        answer=answer([table.numbers(second)]),
        why=f"I draw {first} on the x axis and {second} on the y axis.",
        code=call("scatter", f"df[{first!r}]", f"df[{second!r}]"),
        chart="scatter",
    )


def two_columns(table: Table, rng: random.Random) -> Draft:
    """Two columns as two series."""
    first, second = two(table.numeric, rng)
    chart = rng.choice(("bar", "line"))
    code = [call(chart, f"df[{table.key!r}]", f"df[{column!r}]") for column in (first, second)]
    return Draft(
        words={"chart": chart, "first": first, "second": second},
        answer=answer([table.numbers(first), table.numbers(second)]),
        why=f"I draw {first} and then {second}.",
        code="\n".join(code),
        chart=chart,
    )


def differences(table: Table, rng: random.Random) -> Draft:
    """The difference of two columns in every row."""
    first, second = two(table.numeric, rng)
    chart = rng.choice(tuple(CALLS))
    numbers = zip(table.numbers(first), table.numbers(second), strict=True)
    return Draft(
        words={"chart": chart, "first": first, "second": second},
        answer=answer([[a - b for a, b in numbers]]),
        why=f"I draw {first} minus {second} for every {table.key}.",
        code=call(chart, f"df[{table.key!r}]", f"df[{first!r}] - df[{second!r}]"),
        chart=chart,
    )


def top_rows(table: Table, rng: random.Random) -> Draft | None:
    """The rows with the highest values, sorted."""
    chart, column, n = rng.choice(("bar", "line")), rng.choice(table.numeric), rng.choice(TOP)
    numbers, places = table.numbers(column), order(table, column)
    if not places:
        return None
    return Draft(
        words={"chart": chart, "column": column, "n": str(n)},
        answer=answer([[numbers[place] for place in places[:n]]]),
        why=f"I sort by {column} from high to low and take the first {n} rows.",
        code=f"top = df.sort_values({column!r}, ascending=False).head({n})\n"
        + call(chart, f"top[{table.key!r}]", f"top[{column!r}]"),
        chart=chart,
    )


def totals(table: Table, rng: random.Random) -> Draft:
    """The totals of two columns."""
    first, second = two(table.numeric, rng)
    return Draft(
        words={"first": first, "second": second},
        answer=answer([[Decimal(sum(table.numbers(column))) for column in (first, second)]]),
        why=f"I add up {first} and {second} and draw one bar for each.",
        code=f"totals = df[[{first!r}, {second!r}]].sum()\n" + call("bar", "totals.index", "totals"),
        chart="bar",
    )


KINDS = (
    Kind(
        TYPE,
        SUBTYPE,
        column_chart,
        (
            "Draw a {chart} chart of {column} by {key}.",
            "Make a {chart} chart that shows the {column} of every {key}.",
            "Plot {column} for each {key} as a {chart} chart.",
        ),
    ),
    Kind(
        TYPE,
        SUBTYPE,
        differences,
        (
            "Draw a {chart} chart of {first} minus {second} by {key}.",
            "Make a {chart} chart that shows for every {key} the difference {first} minus {second}.",
            "Subtract {second} from {first} and plot the result for each {key} as a {chart} chart.",
        ),
    ),
    Kind(
        TYPE,
        SUBTYPE,
        points,
        (
            "Draw a scatter chart of {second} (y) against {first} (x).",
            "Make a scatter chart with {first} on the x axis and {second} on the y axis.",
            "Plot {second} over {first} as a scatter chart.",
        ),
    ),
    Kind(
        TYPE,
        SUBTYPE,
        top_rows,
        (
            "Draw a {chart} chart of the {n} {keys} with the highest {column}, highest first.",
            "Make a {chart} chart that shows the {n} highest values of {column} in falling order.",
            "Plot only the top {n} {keys} by {column}, from high to low, as a {chart} chart.",
        ),
    ),
    Kind(
        TYPE,
        SUBTYPE,
        two_columns,
        (
            "Draw a {chart} chart with two series by {key}: {first}, then {second}.",
            "Make a {chart} chart that shows the {first} and after it the {second} of every {key}.",
            "Plot {first} first and {second} second for each {key} as one {chart} chart.",
        ),
    ),
    Kind(
        TYPE,
        SUBTYPE,
        totals,
        (
            "Draw a bar chart of the totals of {first} and {second}.",
            "Make a bar chart with two bars: the sum of {first} and the sum of {second}.",
            "Plot how much {first} and {second} come to over all {keys} as a bar chart.",
        ),
    ),
)
"""Easy and hard kinds in turn."""
