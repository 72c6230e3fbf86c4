"""The generated problems: answers recomputed from the text, disjoint numbers, the declared defects, the same bytes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from ftdojo.data.overlap import OverlapIndex
from ftdojo.tasks import registry
from ftdojo.tasks.check import training_pairs
from ftdojo.tasks.rows import read_jsonl
from ftdojo_tasks.math.twin import RAW_ROWS

TASK = registry.get("math/aime25")


@pytest.fixture(scope="module")
def folder(twins: Callable[[str], Path]) -> Path:
    return twins("math/aime25")


@pytest.fixture(scope="module")
def raw(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((folder / "raw" / "deepscaler.json").read_text("utf-8"))
    return rows


@pytest.fixture(scope="module")
def items(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {name: read_jsonl(folder / f"{name}.jsonl") for name in ("validation", "test")}


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


SECOND_OPINION: dict[str, Callable[[list[int]], int | Fraction]] = {
    "remainder": lambda given: given[0] % given[1],
    "sum of the digits": lambda given: sum(map(int, str(given[0]))),
    "sum of": sum,
    "largest": max,
    "smallest": min,
    "first term": lambda given: given[0],
    "last term": lambda given: given[-1],
    "Find $a$": lambda given: given[0],
    "Find $b$": lambda given: given[1],
    "multiples": lambda given: sum(n % given[0] == 0 for n in range(1, given[1] + 1)),
    "value of $x$": lambda given: Fraction(given[2] - given[1], given[0]),
    "as a fraction": lambda given: Fraction(*given),
}


def recomputed(question: str) -> int | Fraction:
    """The answer to any kind of problem, from its text alone."""
    kind = next(kind for kind in SECOND_OPINION if kind in question)
    return SECOND_OPINION[kind](numbers(question))


def test_evaluation_answers_are_right_integers_up_to_999(items: dict[str, list[dict[str, Any]]]) -> None:
    for split in items.values():
        assert len(split) == len({item["id"] for item in split}) == len({item["question"] for item in split}) == 100
        assert all(list(item) == ["id", "question", "answer"] for item in split)
        assert all(int(item["answer"]) == recomputed(item["question"]) for item in split)
        assert all(0 <= int(item["answer"]) <= 999 for item in split)
        assert max(Counter(item["answer"] for item in split).values()) <= 3


def test_raw_rows_have_the_declared_defects(raw: list[dict[str, Any]]) -> None:
    assert len(raw) == RAW_ROWS
    assert all(list(row) == ["problem", "answer", "solution"] for row in raw)
    assert sum(row["solution"] == "" for row in raw) / len(raw) == pytest.approx(0.82, abs=0.03)
    assert len(raw) - len({row["problem"] for row in raw}) == 20
    assert 1 <= sum(row["answer"] == "" for row in raw) <= 15
    fractions = [row for row in raw if row["answer"].startswith("\\frac")]
    assert len(fractions) / len(raw) == pytest.approx(0.06, abs=0.02)
    assert all(Fraction(*numbers(row["answer"])) == recomputed(row["problem"]) for row in fractions)
    integers = [row for row in raw if row["answer"].isdigit()]
    wrong = [row for row in integers if int(row["answer"]) != recomputed(row["problem"])]
    assert len(wrong) / len(raw) == pytest.approx(0.01, abs=0.007)


def test_no_number_is_in_two_splits(raw: list[dict[str, Any]], items: dict[str, list[dict[str, Any]]]) -> None:
    questions = [[row["problem"] for row in raw], *([item["question"] for item in split] for split in items.values())]
    large = [{n for text in texts for n in numbers(text) if n > 99} - {100, 1000} for texts in questions]
    assert all(len(found) > 100 for found in large)
    assert not large[0] & large[1]
    assert not large[0] & large[2]
    assert not large[1] & large[2]


def test_training_rows_do_not_overlap_with_items_but_leaks_would(
    raw: list[dict[str, Any]], items: dict[str, list[dict[str, Any]]]
) -> None:
    prompts = [TASK.prompt(item)[0]["content"] for split in items.values() for item in split]
    index = OverlapIndex.from_texts(prompts)
    assert all(index.overlaps((prompt, "")) for prompt in prompts)
    for rendering in TASK.spec.raw_sources[0].renderings:
        pairs = list(training_pairs(rendering, raw))
        assert index.keep(pairs) == list(range(len(pairs)))


def test_renderings(raw: list[dict[str, Any]]) -> None:
    by_name = {
        rendering.name: list(training_pairs(rendering, raw)) for rendering in TASK.spec.raw_sources[0].renderings
    }
    assert {name: len(pairs) > 200 for name, pairs in by_name.items()} == dict.fromkeys(
        ("raw", "answer", "rationale"), True
    )
    for name in ("answer", "rationale"):
        for prompt, completion in by_name[name]:
            question = prompt.removesuffix("\nRemember to put your final answer within \\boxed{}.")
            assert question != prompt
            assert re.search(r"\\boxed\{\d+\}$", completion)
    good = [(p, c) for p, c in by_name["rationale"] if numbers(c)[-1] == recomputed(p.splitlines()[0])]
    scored = [{"id": str(i), "answer": str(numbers(c)[-1])} for i, (_, c) in enumerate(good)]
    assert TASK.scorer.value(TASK.scorer.score(scored, [completion for _, completion in good])) == 100.0


def test_two_years_have_nothing_in_common(twins: Callable[[str], Path]) -> None:
    assert not contents(twins("math/aime24")) & contents(twins("math/aime25"))


def contents(folder: Path) -> set[bytes]:
    return {path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_data_is_generated_without_a_computer_algebra(modules_of_twin: Callable[[str], set[str]]) -> None:
    assert not {"sympy", "math_verify"} & modules_of_twin("math/aime25")
