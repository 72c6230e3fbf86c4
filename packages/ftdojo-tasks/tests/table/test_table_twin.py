"""The generated table questions: answers recomputed with pandas, disjoint tables, the declared defects, same bytes."""

from __future__ import annotations

import io
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ftdojo.data.overlap import OverlapIndex
from ftdojo.errors import PrerequisiteError
from ftdojo.tasks.rows import read_jsonl
from ftdojo_tasks.table import tables, twin
from ftdojo_tasks.table.raw import FILE as RAW_FILE
from ftdojo_tasks.table.tables import PARTS, cut, load
from ftdojo_tasks.table.twin_questions import Kind, ask, rounded

Rows = list[dict[str, Any]]
Table = dict[str, Any]

NAMES = {
    "DataAnalysis": "data_analysis",
    "FactChecking": "fact_checking",
    "NumericalReasoning": "numerical_reasoning",
    "Visualization": "visualization",
}
ITEMS = {"DataAnalysis": 100, "FactChecking": 100, "NumericalReasoning": 100, "Visualization": 50}
RAW_FIELDS = ["id", "qtype", "qsubtype", "instruction", "instruction_type", "table", "question", "response"]
ITEM_FIELDS = ["id", "subtask", "qtype", "qsubtype", "table", "question", "answer", "instruction", "instruction_type"]
VIEWS = ("correlationanalysis", "trendforecasting", "statisticalanalysis", "impactanalysis", "other")
KINDS = [kind for kinds in twin.KINDS.values() for kind in kinds]


@pytest.fixture(scope="module")
def folders(twins: Callable[[str], Path]) -> dict[str, Path]:
    return {qtype: twins(f"table/{name}") for qtype, name in NAMES.items()}


@pytest.fixture(scope="module")
def raw(folders: dict[str, Path]) -> dict[str, Rows]:
    return {qtype: read_jsonl(folder / "raw" / RAW_FILE) for qtype, folder in folders.items()}


@pytest.fixture(scope="module")
def items(folders: dict[str, Path]) -> dict[str, dict[str, Rows]]:
    return {
        qtype: {split: read_jsonl(folder / f"{split}.jsonl") for split in ("validation", "test")}
        for qtype, folder in folders.items()
    }


def frame(table: Table) -> pd.DataFrame:
    """A table as a program reads it from table.csv."""
    lines = (",".join(f'"{cell}"' for cell in row) for row in (table["columns"], *table["data"]))
    return pd.read_csv(io.StringIO("\n".join(lines)))


class Recorder:
    """In the place of pyplot: keeps the y values that are handed over by position."""

    def __init__(self) -> None:
        self.series: list[list[float]] = []

    def bar(self, x: Iterable[Any], y: Iterable[float]) -> None:
        assert len(list(x)) == len(list(y))
        self.series.append(list(y))

    plot = scatter = bar

    def show(self) -> None:
        pass


def drawn(code: str, table: Table) -> list[list[float]]:
    """The y values of a program."""
    recorder = Recorder()
    exec(re.sub(r"^(import .*|df = .*)$", "", code, flags=re.MULTILINE), {"df": frame(table), "plt": recorder})
    return recorder.series


def evaluated(expression: str, table: Table) -> Any:
    return eval(expression, {"df": frame(table), "np": np, "abs": abs, "round": round, "len": len, "range": range})


def same(found: Any, answer: str) -> bool:
    """Equal text, or equal numbers but for the last digit (programs round floats, answers are exact)."""
    number = as_number(answer)
    if number is None or as_number(found) is None:
        return str(found) == answer
    digit = 10.0 ** -len(answer.partition(".")[2])
    return float(found) == pytest.approx(number, abs=1.01 * digit if "." in answer else 1e-9)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.type}-{kind.make.__name__}")
def test_answers_are_what_pandas_computes(kind: Kind) -> None:
    sheets, rng = load(), random.Random(kind.make.__name__)
    for part in PARTS:
        for _ in range(12):
            question = ask(kind, sheets[part], rng, training=part == "train")
            table, draft = question.table.content(), question.draft
            if draft.chart:
                reference = json.loads(draft.answer.removeprefix("y_references = "))
                found = drawn(draft.code, table)
                assert [len(series) for series in found] == [len(series) for series in reference]
                for series, values in zip(found, reference, strict=True):
                    assert series == pytest.approx(values, abs=1e-6)
            else:
                assert same(evaluated(draft.code, table), draft.answer), (question, draft)


def value(df: pd.DataFrame, name: str, column: str) -> Any:
    return df.loc[df.iloc[:, 0].astype(str) == name, column].iloc[0]


def spelled(cell: str) -> tuple[str, str]:
    """A cell as it is written and as pandas may print it."""
    return cell, f"{cell}.0"


def extreme(df: pd.DataFrame, word: str, column: str) -> Any:
    return df.loc[df[column].idxmax() if word == "highest" else df[column].idxmin()]


SECOND_OPINION: dict[str, Callable[..., Any]] = {
    r"Is the (.+) of (.+) (\S+)\? Yes or No\?": lambda df, c, n, v: str(value(df, n, c)) in spelled(v),
    r"Is the (.+) of (.+) higher than that of (.+)\? .*": lambda df, c, a, b: value(df, a, c) > value(df, b, c),
    r"Which \S+ has the (highest|lowest) (.+)\?": lambda df, word, c: extreme(df, word, c).iloc[0],
    r"What is the (.+) of the \S+ with the (highest|lowest) (.+)\?": lambda df, w, word, c: extreme(df, word, c)[w],
    r"How many \S+ are in the table\?": len,
    r"What is the (highest|lowest) (.+)\?": lambda df, word, c: extreme(df, word, c)[c],
    r"What is the total (.+) of all \S+\?": lambda df, c: df[c].sum(),
    r"How many \S+ have a (.+) above (.+)\?": lambda df, c, v: len(df[df[c] > float(v)]),
    r"What is (.+) plus (.+) for (.+)\?": lambda df, a, b, n: value(df, n, a) + value(df, n, b),
    r"How much did (.+) (?:rise|fall) from .+ to .+\?": lambda df, c: abs(df[c].iloc[0] - df[c].iloc[-1]),
    r"What is the correlation coefficient of (.+) and (.+)\?": lambda df, a, b: np.corrcoef(df[a], df[b])[0, 1],
    r"What is the standard deviation of (.+)\?": lambda df, c: np.std(df[c], ddof=1),
    r"What is the (?:mean|average) (?:of )?(.+?)(?:, rounded.*)?\?": lambda df, c: df[c].mean(),
}  # fmt: skip
"""By the text of the question alone."""


def as_number(text: Any) -> float | None:
    try:
        return float(text)
    except (ValueError, TypeError):
        return None


def opinion(question: str, table: Table) -> Any:
    """The answer to a question in one of these forms, or nothing."""
    for pattern, compute in SECOND_OPINION.items():
        if match := re.fullmatch(pattern, question):
            try:
                found = compute(frame(table), *match.groups())
            except (KeyError, IndexError):  # the words of a further kind
                continue
            return ("Yes" if found else "No") if isinstance(found, (bool, np.bool_)) else found
    return None


def test_items_are_right_by_their_text_alone(items: dict[str, dict[str, Rows]]) -> None:
    checked = 0
    for splits in items.values():
        for item in [item for split in splits.values() for item in split]:
            found = opinion(item["question"], item["table"])
            if found is not None:
                checked += 1
                assert same(found, item["answer"]), item
    assert checked > 60


@pytest.mark.parametrize("qtype", NAMES)
def test_sizes_and_fields(qtype: str, raw: dict[str, Rows], items: dict[str, dict[str, Rows]]) -> None:
    assert len(raw[qtype]) == twin.RAW_ROWS == len({row["id"] for row in raw[qtype]})
    for row in raw[qtype]:
        assert list(row) == RAW_FIELDS
        assert all(isinstance(cell, str) for cell in row.values())
        well_formed(json.loads(row["table"]))
    for split in items[qtype].values():
        assert len(split) == ITEMS[qtype] == len({item["id"] for item in split})
        for item in split:
            assert list(item) == ITEM_FIELDS + ["chart_type"] * (qtype == "Visualization")
            assert (item["qtype"], item["instruction_type"]) == (qtype, "TCoT")
            assert item["answer"]
            well_formed(item["table"])
            text = " ".join([item["instruction"], item["question"], *item["table"]["columns"]])
            assert len(text) / 4 + sum(len(cell) for row in item["table"]["data"] for cell in row) / 2 < 220
        views = Counter(item["subtask"] for item in split)
        assert views == (dict.fromkeys(VIEWS, 20) if qtype == "DataAnalysis" else {"": ITEMS[qtype]})


def well_formed(table: Table) -> None:
    assert list(table) == ["columns", "data"]
    assert 3 <= len(set(table["columns"])) == len(table["columns"]) <= 4
    assert 4 <= len(table["data"]) <= 8
    assert all(
        len(row) == len(table["columns"]) and all(isinstance(c, str) and c for c in row) for row in table["data"]
    )
    assert len({row[0] for row in table["data"]}) == len(table["data"])


def test_raw_rows_are_a_mixture(raw: dict[str, Rows]) -> None:
    for qtype, rows in raw.items():
        types = Counter(row["qtype"] for row in rows)
        assert set(types) == set(NAMES)
        assert types[qtype] / len(rows) == pytest.approx(twin.OWN, abs=0.04)
        ways = Counter(row["instruction_type"] for row in rows)
        assert {way: n / len(rows) for way, n in ways.items()} == pytest.approx(twin.WAYS, abs=0.04)


def test_raw_responses_have_the_declared_defects(raw: dict[str, Rows]) -> None:
    rows = [row for part in raw.values() for row in part]
    answers = [row for row in rows if row["qtype"] != "Visualization" and row["instruction_type"] != "PoT"]
    given = [re.search(r"Final Answer: (.+)$", row["response"]) for row in answers]
    missing = sum(match is None for match in given) / len(answers)
    assert missing == pytest.approx(twin.NO_MARKER + twin.CUT, abs=0.02)
    judged = [
        same(found, match[1])
        for row, match in zip(answers, given, strict=True)
        if match and (found := opinion(row["question"], json.loads(row["table"]))) is not None
    ]
    assert len(judged) > 500
    assert 1 - sum(judged) / len(judged) == pytest.approx(twin.WRONG, abs=0.03)


def test_raw_charts_draw_something_but_for_the_declared_defects(raw: dict[str, Rows]) -> None:
    rows = [row for part in raw.values() for row in part if row["qtype"] == "Visualization"]
    programs = [(re.search(r"```python\n(.*)```", row["response"], re.DOTALL), row["table"]) for row in rows]
    whole = [(match[1], json.loads(table)) for match, table in programs if match]
    assert 1 - len(whole) / len(rows) == pytest.approx(twin.CUT, abs=0.02)
    good = [pair for pair in whole if not re.search(r"\bax\.|height=|\(x=", pair[0])]
    assert 1 - len(good) / len(whole) == pytest.approx(twin.UNSEEN_CHART, abs=0.03)
    assert all(code.endswith("plt.show()\n") for code, _ in good)
    assert all(drawn(*pair) for pair in good[:: len(good) // 50])


def test_splits_share_no_row_and_no_name_of_a_row() -> None:
    sheets = load()
    rows = [{(*sheet.columns, *row) for sheet in sheets[part] for row in sheet.rows} for part in PARTS]
    names = [{(sheet.columns, row[0]) for sheet in sheets[part] for row in sheet.rows} for part in PARTS]
    makes = [
        {row[0].split()[0] for sheet in sheets[part] if sheet.key == "car" for row in sheet.rows} for part in PARTS
    ]
    for parts in (rows, names, makes):
        assert all(len(part) >= 5 for part in parts)
        assert not parts[0] & parts[1]
        assert not parts[0] & parts[2]
        assert not parts[1] & parts[2]
    columns = [{sheet.columns for sheet in sheets[part]} for part in PARTS]
    assert all(columns[i] - columns[j] for i in range(3) for j in range(3) if i != j)


def test_tables_of_items_are_not_in_the_raw_data(raw: dict[str, Rows], items: dict[str, dict[str, Rows]]) -> None:
    for qtype, rows in raw.items():
        parts = [{record for row in rows for record in records(json.loads(row["table"]))}]
        parts += [{record for item in split for record in records(item["table"])} for split in items[qtype].values()]
        assert not parts[0] & parts[1]
        assert not parts[0] & parts[2]
        assert not parts[1] & parts[2]


def records(table: Table) -> list[tuple[str, ...]]:
    return [(*table["columns"], *row) for row in table["data"]]


def test_training_rows_do_not_overlap_with_items_but_leaks_would(
    raw: dict[str, Rows], items: dict[str, dict[str, Rows]]
) -> None:
    for qtype, rows in raw.items():
        prompts = [text(item, item["table"]) for split in items[qtype].values() for item in split]
        index = OverlapIndex.from_texts(prompts)
        assert all(index.overlaps((prompt, "")) for prompt in prompts)
        pairs = [(text(row, json.loads(row["table"])), row["response"]) for row in rows]
        assert index.keep(pairs) == list(range(len(rows)))


def text(record: dict[str, Any], table: Table) -> str:
    lines = "\n".join(" | ".join(row) for row in (table["columns"], *table["data"]))
    return f"{record['instruction']}\n\nTable:\n{lines}\n\nQuestion: {record['question']}"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.type}-{kind.make.__name__}")
def test_the_last_wording_is_kept_from_training(kind: Kind) -> None:
    sheets = load()["validation"]
    questions = {
        training: [ask(kind, sheets, random.Random(seed), training=training) for seed in range(25)]
        for training in (True, False)
    }
    last = kind.wordings[-1]
    assert len(kind.wordings) == len(set(kind.wordings)) == 3
    assert not any(worded(last, question.text) for question in questions[True])
    assert any(worded(last, question.text) for question in questions[False])


def worded(wording: str, question: str) -> re.Match[str] | None:
    return re.fullmatch(re.sub(r"\\\{\w+\\\}", "(.+)", re.escape(wording)), question)


@pytest.mark.parametrize("qtype", ["FactChecking", "NumericalReasoning", "DataAnalysis"])
def test_constant_answers_score_little(qtype: str, items: dict[str, dict[str, Rows]]) -> None:
    for split in items[qtype].values():
        answers = Counter(item["answer"] for item in split)
        assert max(answers.values()) <= twin.MOST[qtype]
        if qtype == "FactChecking":
            assert answers["Yes"] + answers["No"] == pytest.approx(50, abs=2)
            assert abs(answers["Yes"] - answers["No"]) <= 4
        for view in VIEWS[:3] if qtype == "DataAnalysis" else ():
            golds = np.array([float(item["answer"]) for item in split if item["subtask"] == view])
            hits = [(abs(golds - guess) <= 0.1 * abs(golds)).sum() for guess in golds]
            assert max(hits) <= 8


def test_repeating_the_last_value_forecasts_about_half(items: dict[str, dict[str, Rows]]) -> None:
    hits = total = 0
    for item in [item for split in items["DataAnalysis"].values() for item in split]:
        if item["subtask"] == "trendforecasting":
            df = frame(item["table"])
            (column,) = [column for column in df.columns[1:] if column in item["question"]]
            total += 1
            hits += abs(df[column].iloc[-1] / float(item["answer"]) - 1) <= 0.1
    assert hits / total == pytest.approx(0.5, abs=0.25)


def test_cutting_keeps_consecutive_rows_of_timed_sheets() -> None:
    sheets, rng = load(), random.Random(1)
    for sheet in sheets["train"]:
        for _ in range(20):
            table = cut(sheet, rng)
            if sheet.timed:
                start = [row[0] for row in sheet.rows].index(table.names[0])
                assert table.names == [row[0] for row in sheet.rows[start : start + len(table.rows)]]


def test_rounding() -> None:
    assert [rounded(x, 1) for x in (0.25, -0.25, -0.04, 3, 2.349)] == ["0.3", "-0.3", "0.0", "3.0", "2.3"]
    assert [tables.shortest(Decimal(x)) for x in ("100", "1.50", "0", "-2.0")] == ["100", "1.5", "0", "-2"]


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vega_datasets", None)
    with pytest.raises(PrerequisiteError, match="vega_datasets") as error:
        load()
    assert "pip install" in error.value.fix


@pytest.mark.parametrize("name", NAMES.values())
def test_the_data_is_generated_without_pandas(name: str, modules_of_twin: Callable[[str], set[str]]) -> None:
    assert not {"pandas", "vega_datasets"} & modules_of_twin(f"table/{name}")
