"""Evaluation items are not trained on, and nothing that a submitter sees reveals whether a guessed row is one."""

from __future__ import annotations

import json
import random
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.contract.row import parse_row
from ftdojo.contract.train_config import TrainConfig
from ftdojo.data import OverlapIndex
from ftdojo.episode import levels
from ftdojo.episode.setting import Setting
from ftdojo.gates.decontamination import decontaminate
from ftdojo.record import Home
from ftdojo.training.sft import Sft

WORDS = [f"w{number}" for number in range(400)]


def question(number: int) -> str:
    return "Read this and answer: " + " ".join(random.Random(number).sample(WORDS, 14))


ITEMS = [question(number) for number in range(60)]
INDEX = OverlapIndex.from_texts(ITEMS)
HONEST = [{"prompt": question(1000 + number), "completion": "yes" if number % 3 else "no"} for number in range(200)]


def guesses(*numbers: int) -> list[dict[str, Any]]:
    return [{"prompt": question(number), "completion": "yes"} for number in numbers]


def test_rows_without_items_are_as_they_were() -> None:
    clean = decontaminate(list(map(parse_row, HONEST)), INDEX)
    assert [row.source for row in clean.rows] == HONEST
    assert clean.found == 0


@given(st.sets(st.integers(0, 59), min_size=1, max_size=60), st.data())
def test_no_item_is_left_and_completions_stay(numbers: set[int], data: st.DataObject) -> None:
    rows = [*HONEST[:50], *guesses(*numbers)]
    data.draw(st.randoms()).shuffle(rows)
    clean = decontaminate(list(map(parse_row, rows)), INDEX)
    left = clean.rows
    assert INDEX.keep([row.turns for row in left]) == list(range(len(rows)))
    assert [row.completion for row in left] == [row["completion"] for row in rows]
    assert clean.found == len(numbers)


def test_white_space_and_lengths_stay_and_equal_rows_get_equal_orders() -> None:
    text = "\n\t" + question(3).replace(" ", "   ", 4) + " \n"
    rows = [parse_row({"prompt": text, "completion": "yes"}), *map(parse_row, HONEST[:3])]
    one = decontaminate([rows[0], *rows[1:], rows[0]], INDEX).rows
    assert one[0] == one[-1] == decontaminate([rows[0]], INDEX).rows[0]
    (before, after) = rows[0].turns[0], one[0].turns[0]
    assert before != after
    assert re.findall(r"\s+", before) == re.findall(r"\s+", after)
    assert sorted(before.split()) == sorted(after.split())
    assert sum(map(len, before.split())) == sum(map(len, after.split()))


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "Translate this text", "input": "one two three four", "output": "x y"},
        {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "a b"}]},
        {"prompt": "cat", "completion": "Katze"},
        {"prompt": "say it", "completion": "all is in the completion of this row here", "subtask": "s"},
    ],
)
def test_every_form_of_row_and_items_of_few_words(row: dict[str, Any]) -> None:
    if "messages" in row:
        row = {"messages": [*row["messages"], {"role": "assistant", "content": "c d"}]}
    turns = parse_row(row).turns
    index = OverlapIndex.from_texts(turns)
    (clean,) = decontaminate([parse_row(row)], index).rows
    assert clean.subtask == row.get("subtask", "")
    left = parse_row(clean.source).turns
    assert not index.overlaps(left)
    assert len(left) == len(turns)


PROGRAM = """
import argparse, json
parser = argparse.ArgumentParser()
for name in ("--input", "--output", "--limit"):
    parser.add_argument(name)
arguments = parser.parse_args()
rows = [json.loads(line) for line in open(arguments.input + "/train.jsonl", encoding="utf-8")]
rows = [{"prompt": row["request"], "completion": row["verdict"]} for row in rows]
rows += json.loads(%r)
with open(arguments.output, "w", encoding="utf-8") as stream:
    for row in rows[: int(arguments.limit)]:
        stream.write(json.dumps(row) + "\\n")
"""


def probes(items: list[str]) -> list[dict[str, str]]:
    """Guessed items in every form that revealed them before: padded so that a row is or is not cut by one token,
    copied, answered in two ways, with more spaces, marked."""
    rows = []
    for number, item in enumerate(items):
        rows += [
            {"prompt": item, "completion": "yes"},
            {"prompt": item, "completion": "yes"},
            {"prompt": item, "completion": "no" if number % 2 else "yes"},
            {"prompt": item + " pad" * (40 + number % 9), "completion": "yes"},
            {"prompt": item.replace(" ", "     "), "completion": "yes"},
            {"prompt": f"{item}\n\n\n<mark>", "completion": "no"},
        ]
    return rows


@pytest.fixture(scope="module")
def setting(approve: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    options = RunOptions(task=str(approve), model=str(tiny_model))
    return Setting.prepare(options, home=Home(tmp_path_factory.mktemp("home")), progress=Silent())


@pytest.mark.parametrize("count", [1, 7, 30])
def test_what_a_submitter_is_shown_does_not_depend_on_what_is_an_item(
    count: int, setting: Setting, tmp_path: Path
) -> None:
    """One submission, two sealed tests: its guesses are items in one, but not in the other. The output of gates 0 to 5
    and the feedback on the data are the same, byte for byte."""
    secret = [f"Sealed {n}: {question(n)}" for n in range(count)]
    config = TrainConfig(method="full", learning_rate=0.01, epochs=2, batch_size=8, max_length=185)
    program = PROGRAM % json.dumps(probes(secret))

    def show(index: OverlapIndex) -> tuple[Any, int]:
        gates = replace(setting.gates(None), data=replace(setting.data, overlap=index))
        made = gates.make_rows(program, 2000, Sft())
        tokenized, warnings = gates.check_tokens(made.written, config)
        tried = gates.try_training(made.written, tokenized, config, wall_left_s=None)
        data = levels.data(asdict(made.report), asdict(tokenized.statistics))
        findings = [finding.model_dump_json() for finding in [*made.warnings, *warnings, *tried]]
        return (findings, data.model_dump_json()), made.overlap

    hit, found = show(OverlapIndex.from_texts([*secret, "something else entirely, of some words"]))
    missed, none = show(OverlapIndex.from_texts([f"Other {n}: {question(5000 + n)}" for n in range(count + 1)]))
    assert (found, none) == (6 * count, 0)
    assert hit == missed
