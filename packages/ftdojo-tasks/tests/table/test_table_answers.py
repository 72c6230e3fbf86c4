"""Final answers and their comparison: the reference's behaviour on known outputs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo_tasks.table import answers


@pytest.mark.parametrize(
    ("text", "found", "marked"),
    [
        ("3+4=7\nFinal Answer: 7", "7", True),
        ("Final Answer: 1\nFinal Answer: 2", "1", True),
        ("**Final Answer:** 12", "** 12", True),
        ("Final Answer:\n\n 12 \nmore", "12", True),
        ("final answer: Yes, it is", "Yes, it is", True),
        (" just this ", "just this", False),
        ("Final Answer:", "Final Answer:", False),
        ("", "", False),
    ],
)
def test_where_the_final_answer_stands(text: str, found: str, marked: bool) -> None:
    assert answers.final(text) == (found, marked)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3.0", "3 0"), ("1,000", "1 000"), ("-5", "5"), ("50%", "50"), ("  Two  Words ", "two words"), ("a_b", "a_b")],
)
def test_normalized_text(text: str, expected: str) -> None:
    assert answers.normalized(text) == expected


@pytest.mark.parametrize(
    ("given_text", "gold", "equal"),
    [
        ("5", "-5", True),
        ("0 45", "0.45", True),
        ("1,000", "1000", False),
        ("3", "3.0", False),
        ("YES.", "yes", True),
        ("", "-", False),
        ("-", "-", True),
        ("+", "-", False),
    ],
)
def test_text_has_no_numeric_tolerance(given_text: str, gold: str, equal: bool) -> None:
    assert answers.same(given_text, gold) is equal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9.34,1.18", 9.341),
        (".5", 5.0),
        ("1.5e3", 1.5),
        ("Strong negative correlation, -0.96", -0.96),
        ("12%", 12.0),
        ("none", None),
        ("9" * 400, None),
    ],
)
def test_only_the_first_number_counts(text: str, expected: float | None) -> None:
    assert answers.number(text) == expected


@pytest.mark.parametrize(
    ("given_text", "gold", "near"),
    [
        ("110", "100", True),
        ("90", "100", True),
        ("111", "100", False),
        ("0", "0", True),
        ("0.1", "0", False),
        ("-1", "1", False),
        ("No Trend", "no trend", True),
        ("about 5", "none", False),
        ("", "", False),
    ],
)
def test_numbers_may_differ_by_a_tenth(given_text: str, gold: str, near: bool) -> None:
    assert answers.close(given_text, gold) is near


@pytest.mark.parametrize(
    ("given_text", "gold", "score"),
    [("The sales fell in May", "the sales fell in may", 1.0), ("...", "a b", 0.0), ("x", "a b", 0.0), ("", "a", 0.0)],
)
def test_rouge_l(given_text: str, gold: str, score: float) -> None:
    assert answers.rouge_l(given_text, gold) == score


def test_rouge_l_counts_common_words_in_order() -> None:
    assert 0.4 < answers.rouge_l("sales fell because of rain", "sales fell because prices rose") < 0.7


@given(st.text(), st.text())
def test_any_text_is_compared(a: str, b: str) -> None:
    for rule in (answers.same, answers.close):
        assert rule(a, b) in (True, False)
    assert 0.0 <= answers.rouge_l(a, b) <= 1.0


@given(st.text(min_size=1).filter(str.strip))
def test_an_answer_is_the_same_as_itself(text: str) -> None:
    text = text.strip()
    assert answers.same(text, text)
    assert answers.close(text, text)
