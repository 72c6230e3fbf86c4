"""Nobody trains on evaluation items, and nobody can tell from what is shown whether a guess was one."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.contract.row import parse_row
from ftdojo.data import OverlapIndex
from ftdojo.errors import InputError
from ftdojo.gates import data_program
from ftdojo.gates.decontamination import MOST_NOISE, REPORTED_FROM, Decontaminated, decontaminate
from ftdojo.training.sft import Sft

WORDS = [f"w{number}" for number in range(400)]


def question(number: int) -> str:
    return "Read this and answer: " + " ".join(random.Random(number).sample(WORDS, 14))


ITEMS = [question(number) for number in range(60)]
INDEX = OverlapIndex.of(ITEMS)
HONEST = [{"prompt": question(1000 + number), "completion": "yes" if number % 3 else "no"} for number in range(200)]


def guesses(*numbers: int) -> list[dict[str, Any]]:
    return [{"prompt": question(number), "completion": "yes"} for number in numbers]


def made(rows: list[dict[str, Any]], index: OverlapIndex) -> tuple[Decontaminated, data_program.DataReport]:
    parsed = data_program.parse(rows, Sft(), max_rows=10_000)
    clean = decontaminate(parsed, index)
    return clean, data_program.report(parsed, clean.reported)


def seen(rows: list[dict[str, Any]]) -> tuple[Any, ...]:
    """All that a submitter is shown of the rows: the report, and how long prompts are."""
    clean, report = made(rows, INDEX)
    texts = [row.turns for row in clean.rows]
    return report, [[Counter(turn.split()) for turn in turns] for turns in texts]


def test_rows_without_items_are_as_they_were() -> None:
    clean = decontaminate(list(map(parse_row, HONEST)), INDEX)
    assert [row.source for row in clean.rows] == HONEST
    assert (clean.found, clean.reported) == (0, 0)


@given(st.sets(st.integers(0, 59), min_size=1, max_size=60), st.data())
def test_no_item_is_left_and_completions_stay(numbers: set[int], data: st.DataObject) -> None:
    rows = [*HONEST[:50], *guesses(*numbers)]
    data.draw(st.randoms()).shuffle(rows)
    clean = decontaminate(list(map(parse_row, rows)), INDEX)
    left = clean.rows
    assert INDEX.keep([row.turns for row in left]) == list(range(len(rows)))
    assert [row.completion for row in left] == [row["completion"] for row in rows]
    assert clean.found == len(numbers)


@pytest.mark.parametrize("base", [0, 5, 19, 25, 40])
def test_one_guess_more_does_not_show_in_the_count(base: int) -> None:
    known = guesses(*range(base))
    right = [seen([*HONEST, *known, *guesses(number)])[0].removed_overlap for number in range(base, 60)]
    wrong = [seen([*HONEST, *known, *guesses(number)])[0].removed_overlap for number in range(2000, 2030)]
    assert len(set(wrong)) == 1  # the noise hangs on the items found: asking again does not wear it off
    if base < REPORTED_FROM - MOST_NOISE:
        assert {*right, *wrong} == {0}
    elif base > REPORTED_FROM:
        assert len(set(right)) > 4  # all would be the wrong guesses' count and one, were it exact


def test_a_guess_in_many_rows_counts_once() -> None:
    rows = [{"prompt": f"{question(3)} variant {number}", "completion": "yes"} for number in range(150)]
    clean, report = made(rows, INDEX)
    assert (clean.found, report.removed_overlap) == (150, 0)
    clean.refuse_if_many()


def test_all_else_that_is_shown_is_the_same_for_a_right_guess() -> None:
    report, texts = seen([*HONEST, *guesses(3)])
    other = [*HONEST, *guesses(2003)]
    plain, _ = seen(other)
    assert report == plain
    assert texts == [[Counter(turn.split()) for turn in parse_row(row).turns] for row in [*HONEST, *guesses(3)]]


def test_a_copy_of_the_evaluation_items_is_refused_and_some_are_not() -> None:
    rows = [*guesses(*range(60)), *HONEST[:20]]
    clean, _ = made(rows, INDEX)
    with pytest.raises(InputError) as caught:
        clean.refuse_if_many()
    assert caught.value.findings[0].code == "evaluation_items"
    made(guesses(0, 1, 2), INDEX)[0].refuse_if_many()


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
    index = OverlapIndex.of(turns)
    (clean,) = made([row], index)[0].rows
    assert clean.subtask == row.get("subtask", "")
    left = parse_row(clean.source).turns
    assert not index.overlaps(left)
    assert len(left) == len(turns)
