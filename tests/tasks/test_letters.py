"""The letter that an output chooses."""

from __future__ import annotations

import time

import pytest

from ftdojo.tasks.letters import find_letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("A", "A"),
        (" b) ", "B"),
        ("A mechanism that I like", None),
        ("I pick C", "C"),
        ("The answer is A because it is shorter", "A"),
        ("A is right", "A"),
        ("The answer is a hydride", None),
        ("so the answer is a.", "A"),
        ("answer: **D**", "D"),
        ("Option C, not Option B", "C"),
        ("Vitamin K and B12", None),
        ("", None),
    ],
)
def test_where_a_letter_counts(text: str, letter: str | None) -> None:
    assert find_letter(text, "ABCDEFGHI") == letter


def test_hostile_texts_are_read_in_linear_time(hostile: str) -> None:
    start = time.process_time()
    for text in (hostile, "answer is " * 50_000, "answer" + " " * 100_000):
        find_letter(text, "ABCD")
    assert time.process_time() - start < 2.0
