"""Small tables of real data for the generated table tasks, cut from the files of the package ``vega_datasets`` 0.9.0.

The package's code (MIT) is not imported: only its bundled data files are read. They are public statistics and classic
textbook sets: ``dataset_info.json`` next to them names the origin of each.

Training, validation and test have their own rows: of four sets other makes of cars and other years; in addition each of
them has sets that the others lack.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ftdojo.errors import PrerequisiteError

PARTS = ("train", "validation", "test")
SIZES = (4, 4, 5, 5, 5, 6, 6, 7, 8)
"""Rows of a table, the more frequent ones repeated."""
NUMBER_COLUMNS = (2, 2, 3)

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of one data set that belong to one part, and how to speak of them."""

    key: str
    """The first column: what a row is, in the singular. Its cells name the rows."""
    plural: str
    timed: bool
    """Whether rows follow each other at equal intervals, or nearly so."""
    numeric: tuple[str, ...]
    texts: tuple[str, ...]
    """Further columns, after the numeric ones."""
    rows: tuple[Row, ...]

    @property
    def columns(self) -> Row:
        """The names of all columns."""
        return (self.key, *self.numeric, *self.texts)


@dataclass(frozen=True, slots=True)
class Table:
    """Some rows and columns of a sheet; the names of the rows differ."""

    sheet: Sheet
    numeric: tuple[str, ...]
    columns: Row
    rows: tuple[Row, ...]

    @property
    def key(self) -> str:
        """The first column."""
        return self.sheet.key

    @property
    def names(self) -> list[str]:
        """The cells of the first column."""
        return self.cells(self.key)

    def cells(self, column: str) -> list[str]:
        """A column as it is written."""
        place = self.columns.index(column)
        return [row[place] for row in self.rows]

    def numbers(self, column: str) -> list[Decimal]:
        """A numeric column."""
        return list(map(Decimal, self.cells(column)))

    def content(self) -> dict[str, Any]:
        """The table in the form of TableBench."""
        return {"columns": list(self.columns), "data": [list(row) for row in self.rows]}


def cut(sheet: Sheet, rng: random.Random) -> Table:
    """A table of some rows (consecutive ones if the sheet is timed) and some columns, the key first."""
    size = min(rng.choice(SIZES), len(sheet.rows))
    if sheet.timed:
        start = rng.randrange(len(sheet.rows) - size + 1)
        picked = list(sheet.rows[start : start + size])
    else:
        by_name = {row[0]: row for row in rng.sample(sheet.rows, min(3 * size, len(sheet.rows)))}
        picked = list(by_name.values())[:size]
    numeric = rng.sample(sheet.numeric, min(rng.choice(NUMBER_COLUMNS), len(sheet.numeric)))
    texts = rng.sample(sheet.texts, 1) if sheet.texts and (len(numeric) < max(NUMBER_COLUMNS)) else []
    columns = (sheet.key, *numeric, *texts)
    places = [sheet.columns.index(column) for column in columns]
    return Table(sheet, tuple(numeric), columns, tuple(tuple(row[i] for i in places) for row in picked))


def shortest(number: Decimal | float) -> str:
    """A number without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def load() -> dict[str, list[Sheet]]:
    """The sheets of every part.

    Raises:
        PrerequisiteError: if ``vega_datasets`` is not installed.
    """
    found: dict[str, list[Sheet]] = {part: [] for part in PARTS}
    for source in SOURCES:
        rows: dict[str, list[Row]] = {part: [] for part in PARTS}
        for part, row in source.read():
            rows[part].append(row)
        for part in PARTS:
            if rows[part]:
                sheet = Sheet(source.key, source.plural, source.timed, source.numeric, source.texts, tuple(rows[part]))
                found[part].append(sheet)
    return found


# -- the data sets --------------------------------------------------------------------------------------------------

Rows = Iterator[tuple[str, Row]]
"""Part and cells of every row."""

MAKES = {
    **dict.fromkeys(("dodge", "toyota", "pontiac", "fiat", "audi", "opel"), "validation"),
    **dict.fromkeys(("plymouth", "datsun", "honda", "peugeot", "volvo"), "test"),
}
"""Of cars; all others are for training."""
MISSPELLED = {"toyouta": "toyota", "nissan": "datsun", "chevroelt": "chevrolet", "vokswagen": "volkswagen"}
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _cars() -> Rows:
    for car in _json("cars.json"):
        values = [car[name] for name in ("Miles_per_Gallon", "Cylinders", "Horsepower", "Weight_in_lbs")]
        if None not in values:
            make, *model = car["Name"].split()
            make = MISSPELLED.get(make, make)
            yield MAKES.get(make, "train"), (" ".join((make, *model)), *map(_number, values), car["Origin"])


def _weather() -> Rows:
    for day in _csv("seattle-weather.csv"):
        year, month, number = day["date"].split("/")
        name = f"{int(number)} {MONTHS[int(month) - 1]} {year}"
        values = [_number(day[column]) for column in ("temp_max", "temp_min", "precipitation", "wind")]
        yield _by_year(year, ("2014",), ("2015",)), (name, *values, day["weather"])


def _stocks() -> Rows:
    prices: dict[str, dict[str, str]] = {}
    for row in _csv("stocks.csv"):
        month, _, year = row["date"].split()
        prices.setdefault(f"{month} {year}", {})[row["symbol"]] = _number(row["price"], 0)
    for name, by_symbol in prices.items():
        values = tuple(by_symbol[symbol] for symbol in ("MSFT", "AMZN", "IBM", "AAPL"))
        yield _by_year(name[-4:], ("2007", "2008"), ("2009", "2010")), (name, *values)


def _jobs() -> Rows:
    for row in _csv("us-employment.csv"):
        year, month, _ = row["month"].split("-")
        columns = ("mining_and_logging", "utilities", "information", "other_services")
        values = (_number(row[column], 0) for column in columns)
        part = _by_year(year, ("2012", "2013"), ("2014", "2015"))
        yield part, (f"{MONTHS[int(month) - 1]} {year}", *values)


def _barley(year: int) -> Rows:
    yields: dict[str, dict[str, str]] = {}
    for row in _json("barley.json"):
        if row["year"] == year:
            yields.setdefault(row["variety"], {})[row["site"]] = _number(row["yield"], 0)
    for variety, by_site in yields.items():
        yield "train", (variety, *(by_site[site] for site in ("Waseca", "Morris", "Crookston", "Duluth")))


def _vix() -> Rows:
    for row in _json("ohlc.json"):
        year, month, day = row["date"].split("-")
        values = (_number(row[column], 1) for column in ("open", "high", "low", "close"))
        yield "train", (f"{int(day)} {MONTHS[int(month) - 1]} {year}", *values, row["signal"])


def _bacteria() -> Rows:
    for row in _json("burtin.json"):
        values = (_number(row[column], 3) for column in ("Penicillin", "Streptomycin", "Neomycin"))
        yield "train", (row["Bacteria"], *values, row["Gram_Staining"])


def _wheat() -> Rows:
    for row in _json("wheat.json"):
        if row.get("wages") is not None:
            yield "validation", (row["year"], _number(row["wheat"]), _number(row["wages"]))


def _electricity() -> Rows:
    generation: dict[str, list[str]] = {}
    for row in _csv("iowa-electricity.csv"):
        generation.setdefault(row["year"][:4], []).append(_number(Decimal(row["net_generation"]) / 1000))
    for year, values in generation.items():
        yield "validation", (year, *values)


def _driving() -> Rows:
    for row in _json("driving.json"):
        yield "test", (str(row["year"]), _number(row["miles"]), _number(row["gas"], 2))


def _crimea() -> Rows:
    for row in _json("crimea.json"):
        year, month, _ = row["date"].split("-")
        values = (_number(row[column]) for column in ("wounds", "disease", "other"))
        yield "test", (f"{MONTHS[int(month) - 1]} {year}", *values)


@dataclass(frozen=True, slots=True)
class _Source:
    """A data set and how its rows are read."""

    key: str
    plural: str
    timed: bool
    numeric: tuple[str, ...]
    texts: tuple[str, ...]
    read: Callable[[], Rows]


_SITES = ("Waseca yield", "Morris yield", "Crookston yield", "Duluth yield")
SOURCES = (
    _Source("car", "cars", False, ("mpg", "cylinders", "horsepower", "weight"), ("origin",), _cars),
    _Source("day", "days", True, ("max temp", "min temp", "rain", "wind"), ("weather",), _weather),
    _Source("month", "months", True, ("MSFT price", "AMZN price", "IBM price", "AAPL price"), (), _stocks),
    _Source("month", "months", True, ("mining jobs", "utility jobs", "media jobs", "other jobs"), (), _jobs),
    _Source("variety", "varieties", False, _SITES, (), lambda: _barley(1931)),
    _Source("variety", "varieties", False, _SITES, (), lambda: _barley(1932)),
    _Source("day", "days", True, ("open", "high", "low", "close"), ("signal",), _vix),
    _Source("bacterium", "bacteria", False, ("penicillin", "streptomycin", "neomycin"), ("gram",), _bacteria),
    _Source("year", "years", True, ("wheat price", "wages"), (), _wheat),
    _Source("year", "years", True, ("fossil power", "nuclear power", "green power"), (), _electricity),
    _Source("year", "years", True, ("miles", "gas price"), (), _driving),
    _Source("month", "months", True, ("wounds", "disease", "other causes"), (), _crimea),
)


def _by_year(year: str, validation: tuple[str, ...], test: tuple[str, ...]) -> str:
    return "validation" if year in validation else "test" if year in test else "train"


def _number(value: Any, digits: int = 1) -> str:
    return shortest(round(Decimal(str(value)), digits))


def _json(name: str) -> list[dict[str, Any]]:
    return list(json.loads(_file(name).read_text("utf-8")))


def _csv(name: str) -> list[Mapping[str, str]]:
    with _file(name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _file(name: str) -> Path:
    spec = find_spec("vega_datasets")  # finds the package without importing it, since that imports pandas
    if spec is None or not spec.submodule_search_locations:
        fix = "pip install --no-deps vega_datasets==0.9.0"
        raise PrerequisiteError("the tables of the generated table tasks need the package vega_datasets", fix=fix)
    return Path(spec.submodule_search_locations[0]) / "_data" / name
