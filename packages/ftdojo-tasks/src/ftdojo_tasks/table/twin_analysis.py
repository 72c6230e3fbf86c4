"""Kinds of data-analysis questions: correlation, trend, statistics, impact, and findings in one sentence.

All figures are computed from the cells of the table; the questions say by which rule.
"""

from __future__ import annotations

import random
import statistics
from bisect import bisect
from collections.abc import Callable
from fractions import Fraction

from ftdojo_tasks.table.tables import Table
from ftdojo_tasks.table.twin_questions import Draft, Kind, rounded, two

TYPE = "DataAnalysis"
BOUNDS = (-0.9, -0.6, -0.2, 0.2, 0.6, 0.9)
"""Correlations on either side of these are drawn in equal parts, but for those in the middle, which are left out."""
STRONG, WEAK, LEAD = 0.5, 0.2, 0.2
STEEP = 0.1
"""A forecast that differs from the last value by more than this share of itself cannot be got by repeating it."""


def pearson(table: Table, first: str, second: str) -> float | None:
    """The correlation coefficient, or none if a column is constant."""
    a, b = (list(map(float, table.numbers(column))) for column in (first, second))
    if len(set(a)) == 1 or len(set(b)) == 1:
        return None
    return statistics.correlation(a, b)


def code_of_pearson(first: str, second: str) -> str:
    """Its code."""
    return f"df[{first!r}].corr(df[{second!r}])"


def correlation(table: Table, rng: random.Random) -> Draft | None:
    """The correlation coefficient of two columns."""
    first, second = two(table.numeric, rng)
    r = pearson(table, first, second)
    if r is None:
        return None
    answer = rounded(r, 2)
    together = "rises" if r > 0 else "falls"
    return Draft(
        words={"first": first, "second": second},
        answer=answer,
        why=f"The {second} mostly {together} as the {first} rises, with the coefficient {answer}.",
        code=f"round({code_of_pearson(first, second)}, 2)",
        group=str(bisect(BOUNDS, r)),
    )


def trend(table: Table, rng: random.Random) -> Draft | None:
    """The next value of a column by its linear trend."""
    column = rng.choice(table.numeric)
    values = list(map(Fraction, table.numbers(column)))
    middle = Fraction(len(values) - 1, 2)
    offsets = [place - middle for place in range(len(values))]
    products = [offset * value for offset, value in zip(offsets, values, strict=True)]
    slope = Fraction(sum(products)) / Fraction(sum(offset * offset for offset in offsets))
    found = statistics.mean(values) + slope * (len(values) - middle)
    steep = abs(found - values[-1]) > STEEP * abs(found)
    if found < 1:
        return None
    answer = rounded(found, 1)
    return Draft(
        words={"column": column},
        answer=answer,
        why=f"The {column} changes by about {rounded(slope, 1)} a {table.key}, so that the line goes on to {answer}.",
        code=f"round(np.polyval(np.polyfit(range(len(df)), df[{column!r}], 1), len(df)), 1)",
        group="steep" if steep else "flat",
    )


STATISTICS: dict[str, Callable[[list[Fraction]], Fraction | float]] = {
    "mean": statistics.mean,
    "median": statistics.median,
    "standard deviation": statistics.stdev,
    "range": lambda values: max(values) - min(values),
    "maximum": max,
    "minimum": min,
}
CODE = {
    "mean": "df[{column!r}].mean()",
    "median": "df[{column!r}].median()",
    "standard deviation": "df[{column!r}].std()",
    "range": "df[{column!r}].max() - df[{column!r}].min()",
    "maximum": "df[{column!r}].max()",
    "minimum": "df[{column!r}].min()",
}


def statistic(table: Table, rng: random.Random) -> Draft | None:
    """A statistic of a column."""
    column, name = rng.choice(table.numeric), rng.choice(tuple(STATISTICS))
    found = STATISTICS[name](list(map(Fraction, table.numbers(column))))
    if abs(float(found)) < 1:
        return None
    answer = rounded(found, 2)
    return Draft(
        words={"column": column, "statistic": name},
        answer=answer,
        why=f"The {name} of {', '.join(table.cells(column))} is {answer}.",
        code=f"round({CODE[name].format(column=column)}, 2)",
    )


def impact(table: Table, rng: random.Random) -> Draft | None:
    """Whether a column has a positive, negative or no impact on another."""
    first, second = two(table.numeric, rng)
    r = pearson(table, first, second)
    if r is None or WEAK <= abs(r) <= STRONG:
        return None
    answer = "no impact" if abs(r) < WEAK else "positive" if r > 0 else "negative"
    code = code_of_pearson(first, second)
    return Draft(
        words={"first": first, "second": second},
        answer=answer,
        why=f"The correlation of {first} and {second} is {rounded(r, 2)}.",
        code=f"'positive' if {code} > {STRONG} else 'negative' if {code} < -{STRONG} else 'no impact'",
        group=answer,
    )


def larger_impact(table: Table, rng: random.Random) -> Draft | None:
    """Which of two columns is more strongly correlated with a third."""
    if len(table.numeric) < 3:
        return None
    first, second, target = rng.sample(table.numeric, 3)
    a, b = pearson(table, first, target), pearson(table, second, target)
    if a is None or b is None or abs(abs(a) - abs(b)) < LEAD:
        return None
    codes = [f"abs({code_of_pearson(column, target)})" for column in (first, second)]
    return Draft(
        words={"first": first, "second": second, "target": target},
        answer=first if abs(a) > abs(b) else second,
        why=f"The correlations with {target} are {rounded(a, 2)} and {rounded(b, 2)}.",
        code=f"{first!r} if {codes[0]} > {codes[1]} else {second!r}",
    )


def cause(table: Table, rng: random.Random) -> Draft | None:
    """Whether a column rises or falls with another, in a sentence."""
    first, second = two(table.numeric, rng)
    r = pearson(table, first, second)
    if r is None or abs(r) < STRONG:
        return None
    code = f"{_rises(first, second)!r} if {code_of_pearson(first, second)} > 0 else {_falls(first, second)!r}"
    return Draft(
        words={"first": first, "second": second},
        answer=_rises(first, second) if r > 0 else _falls(first, second),
        why=f"The correlation of {first} and {second} is {rounded(r, 2)}.",
        code=code,
        group="rises" if r > 0 else "falls",
    )


def _rises(first: str, second: str) -> str:
    return f"Yes, {second} rises with {first} because they are positively correlated"


def _falls(first: str, second: str) -> str:
    return f"No, {second} falls with {first} because they are negatively correlated"


def description(table: Table, rng: random.Random) -> Draft:
    """What the table holds, in a sentence."""
    columns = f"{', '.join(table.columns[1:-1])} and {table.columns[-1]}"
    n, names = len(table.rows), table.names
    start = f"The table lists {columns} of"
    return Draft(
        answer=f"{start} {n} {table.sheet.plural} from {names[0]} to {names[-1]}",
        why=f"There are {n} rows, the first is {names[0]} and the last is {names[-1]}.",
        code=f'f"{start} {{len(df)}} {table.sheet.plural} from {{df[{table.key!r}].iloc[0]}} '
        f'to {{df[{table.key!r}].iloc[-1]}}"',
    )


def anomaly(table: Table, rng: random.Random) -> Draft | None:
    """Whether a value is more than twice as high as any other, in a sentence."""
    column = rng.choice(table.numeric)
    numbers = table.numbers(column)
    *_, second, top = sorted(numbers)
    if min(numbers) < 0 or top == second:
        return None
    found = top > 2 * second
    name = table.names[numbers.index(top)]
    one = f"The value {top} of {name} is an anomaly"
    none = f"There is no anomaly, {column} stays between {min(numbers)} and {top}"
    pair = f"df[{column!r}].nlargest(2).tolist()"
    return Draft(
        words={"column": column},
        answer=one if found else none,
        why=f"The two highest values of {column} are {top} and {second}.",
        code=f"{one!r} if (lambda top, second: top > 2 * second)(*{pair}) else {none!r}",
        group="one" if found else "none",
    )


KINDS = (
    Kind(
        TYPE,
        "CorrelationAnalysis",
        correlation,
        (
            "What is the correlation coefficient of {first} and {second}?",
            "How strongly are {first} and {second} correlated? Give the coefficient.",
            "Compute the Pearson coefficient between {first} and {second}.",
        ),
        "correlationanalysis",
        groups=tuple(str(place) for place in range(len(BOUNDS) + 1) if place != len(BOUNDS) // 2),
    ),
    Kind(
        TYPE,
        "TrendForecasting",
        trend,
        (
            "If the linear trend of {column} goes on, what will it be in the next {key}?",
            "What {column} does the linear trend give for the next {key}?",
            "Forecast the {column} of the {key} that follows, by a straight line.",
        ),
        "trendforecasting",
        timed=True,
        groups=("steep", "flat"),
    ),
    Kind(
        TYPE,
        "StatisticalAnalysis",
        statistic,
        (
            "What is the {statistic} of {column}?",
            "What {statistic} do the values of {column} have?",
            "Compute the {statistic} of the column {column}.",
        ),
        "statisticalanalysis",
    ),
    Kind(
        TYPE,
        "ImpactAnalysis",
        impact,
        (
            "Is the impact of {first} on {second} positive, negative or is there no impact?",
            "Does {first} have a positive, negative or no impact on {second}?",
            "How does {first} act on {second}: positive, negative or no impact?",
        ),
        "impactanalysis",
        groups=("positive", "negative", "no impact"),
    ),
    Kind(
        TYPE,
        "CausalAnalysis",
        cause,
        (
            "Does a higher {first} go with a higher {second}? Answer in one sentence.",
            "Does {second} rise when {first} rises? Answer in one sentence.",
            "With growing {first}, does {second} grow too? Answer in one sentence.",
        ),
        "other",
        groups=("rises", "falls"),
    ),
    Kind(
        TYPE,
        "ImpactAnalysis",
        larger_impact,
        (
            "Which has the larger impact on {target}, {first} or {second}?",
            "Is {target} affected more by {first} or by {second}?",
            "Name the one that matters more for {target}: {first} or {second}.",
        ),
        "impactanalysis",
    ),
    Kind(
        TYPE,
        "DescriptiveAnalysis",
        description,
        (
            "What does the table show? Answer in one sentence.",
            "Describe the table in one sentence.",
            "Sum up what is listed here in one sentence.",
        ),
        "other",
    ),
    Kind(
        TYPE,
        "AnomalyDetection",
        anomaly,
        (
            "Is any value of {column} more than twice as high as all others? Answer in one sentence.",
            "Is there an anomaly in {column}, a value over twice every other? Answer in one sentence.",
            "Look for a value of {column} above double all the rest. Answer in one sentence.",
        ),
        "other",
        groups=("one", "none"),
    ),
)
