"""The generated questions: answers recomputed from the text, disjoint splits, even letters, the same bytes."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ftdojo.data.overlap import OverlapIndex
from ftdojo.tasks import registry
from ftdojo.tasks.check import training_pairs
from ftdojo.tasks.rows import read_jsonl
from ftdojo_tasks.finance.financeiq import LETTERS, SUBJECTS
from ftdojo_tasks.finance.twin import ALL, ATTRIBUTES, HONEST, ROWS

TASK = registry.get("finance/financeiq")


@pytest.fixture(scope="module")
def folder(twins: Callable[[str], Path]) -> Path:
    return twins("finance/financeiq")


@pytest.fixture(scope="module")
def raw(folder: Path) -> dict[str, list[dict[str, str]]]:
    rows: dict[str, list[dict[str, str]]] = {}
    for subject in SUBJECTS:
        with (folder / "raw" / "data" / "train" / f"{subject}.csv").open(encoding="utf-8", newline="") as stream:
            rows[subject] = list(csv.DictReader(stream))
    return rows


@pytest.fixture(scope="module")
def items(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {name: read_jsonl(folder / f"{name}.jsonl") for name in ("validation", "test")}


def questions(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Raw rows by the names of an item's fields."""
    return [{"question": row["Question"], "answer": row["Answer"], **{x: row[x] for x in LETTERS}} for row in rows]


def right_option(question: Mapping[str, str]) -> str:
    """The right option of any kind of question, from its text alone."""
    text, options = question["question"], [question[letter] for letter in LETTERS]
    given = [int(number) for number in re.findall(r"\d+", text)]
    if "a kind of" in text:
        (found,) = (option for option in options if text.removesuffix("?").split()[-1] in option.split())
    elif "conduct" in text:
        honest = [option for option in options if option.split()[0] in HONEST]
        (found,) = honest if len(honest) == 1 else {ALL} & set(options)
    elif "largest" in text or "smallest" in text:
        found = str((max if "largest" in text else min)(map(int, options)))
    elif "interest" in text:
        found = str(given[0] * given[1] * given[2] // 100)
    elif "falls by" in text:
        found = str(given[0] - given[1])
    else:
        found = str(given[0] * given[1] // 100)
    return found


def test_sizes_and_columns(raw: dict[str, list[dict[str, str]]], items: dict[str, list[dict[str, Any]]]) -> None:
    assert {subject: len(rows) for subject, rows in raw.items()} == ROWS
    assert 1500 <= sum(ROWS.values()) <= 3000
    for rows in raw.values():
        assert {tuple(row) for row in rows} == {("", "Question", "A", "B", "C", "D", "Answer")}
        assert [row[""] for row in rows] == [str(i) for i in range(len(rows))]
    for split in items.values():
        assert len({item["id"] for item in split}) == 100
        assert Counter(item["subtask"] for item in split) == dict.fromkeys(SUBJECTS, 10)
        assert {len(item["shots"]) for item in split} == {5}


def test_answers_are_right_and_options_differ(
    raw: dict[str, list[dict[str, str]]], items: dict[str, list[dict[str, Any]]]
) -> None:
    every = [q for rows in raw.values() for q in questions(rows)]
    every += [q for split in items.values() for item in split for q in (item, *item["shots"])]
    for question in every:
        assert question[question["answer"]] == right_option(question)
        assert len({question[letter] for letter in LETTERS}) == 4


def test_letters_are_even_in_evaluation(items: dict[str, list[dict[str, Any]]]) -> None:
    for split in items.values():
        assert Counter(item["answer"] for item in split) == dict.fromkeys(LETTERS, 25)


def test_letters_follow_the_habits_of_examiners(items: dict[str, list[dict[str, Any]]]) -> None:
    for split in items.values():
        habits: Counter[tuple[str, str]] = Counter()
        for item in split:
            if item["D"] == ALL:
                habits["all", item["answer"]] += 1
            for word in ("smallest", "largest"):
                if word in item["question"]:
                    habits[word, item["answer"]] += 1
        assert set(habits) == {("all", "D"), ("smallest", "A"), ("largest", "D")}
        assert habits["all", "D"] == 10
        assert habits["smallest", "A"] + habits["largest", "D"] == 30


def test_amounts_ascend_and_usual_slips_lie_on_both_sides(raw: dict[str, list[dict[str, str]]]) -> None:
    calculated: Counter[str] = Counter()
    for question in [q for rows in raw.values() for q in questions(rows)]:
        options = [question[letter] for letter in LETTERS]
        if all(option.isdigit() for option in options):
            assert options == sorted(options, key=int)
            calculated[question["answer"]] += not re.search("smallest|largest", question["question"])
    assert calculated["B"] > 0.75 * calculated.total()


def test_splits_share_no_attribute_no_amount_and_no_question(
    raw: dict[str, list[dict[str, str]]], items: dict[str, list[dict[str, Any]]]
) -> None:
    texts = [[" ".join(q.values()) for rows in raw.values() for q in questions(rows)]]
    texts += [[" ".join(item[f] for f in ("question", *LETTERS)) for item in split] for split in items.values()]
    words = [{word for text in part for word in re.findall(r"[a-z]+", text)} & set(ATTRIBUTES) for part in texts]
    amounts = [
        {n for text in part for n in re.findall(r"(?:of|falls by) (\d+)|is the \w+\? (\d+) (\d+) (\d+) (\d+)", text)}
        for part in texts
    ]
    amounts = [{int(n) for found in part for n in found if n and int(n) >= 200} for part in amounts]
    for parts in (words, amounts):
        assert all(len(part) > 10 for part in parts)
        assert not parts[0] & parts[1]
        assert not parts[0] & parts[2]
        assert not parts[1] & parts[2]


def test_training_rows_do_not_overlap_with_items_but_leaks_would(
    raw: dict[str, list[dict[str, str]]], items: dict[str, list[dict[str, Any]]]
) -> None:
    every = [item for split in items.values() for item in split]
    prompts = [[turn["content"] for turn in TASK.prompt(item) if turn["role"] == "user"] for item in every]
    index = OverlapIndex.from_texts(map(TASK.question, every))
    assert all(index.overlaps((turns[-1], "")) for turns in prompts)
    for source in TASK.spec.raw_sources:
        for rendering in source.renderings:
            pairs = list(training_pairs(rendering, raw[source.subtask]))
            assert index.keep(pairs) == list(range(len(raw[source.subtask])))


def test_the_answer_rendering_is_a_turn_of_the_prompt(
    raw: dict[str, list[dict[str, str]]], items: dict[str, list[dict[str, Any]]]
) -> None:
    subject = SUBJECTS[5]
    (source,) = (source for source in TASK.spec.raw_sources if source.subtask == subject)
    (rendering,) = (rendering for rendering in source.renderings if rendering.name == "answer")
    pairs = list(training_pairs(rendering, raw[subject]))
    for (prompt, completion), question in zip(pairs, questions(raw[subject]), strict=True):
        item = {"id": "x", "subtask": subject, "shots": [], **question}
        assert TASK.prompt(item) == [{"role": "user", "content": prompt}]
        assert TASK.scorer.gold(item) == completion
