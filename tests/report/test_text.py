"""Strings from strangers are made harmless, and numbers are written one way."""

from __future__ import annotations

import unicodedata
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.contract.result import Gap, Score
from ftdojo.report import text

S = text.SPACE
ANY = st.text(st.characters(codec=None, exclude_categories=()), max_size=200)


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after \x1b]8;;file:///x\x1b\\link", "after link"),
        ("\x1b[2J\x1bcwiped", "\ufffdcwiped"),
        ("nul\x00 bell\x07 csi\x9b31m", "nul\ufffd bell\ufffd csi\ufffd31m"),
        ("user\u202egpj.exe", "user\ufffdgpj.exe"),
        ("one\r\ntwo\tthree", "one\ntwo\tthree"),
        ("<b>é 漢 שלום</b>", "<b>é 漢 שלום</b>"),
        ("\ud800", "\ufffd"),
    ],
)
def test_what_acts_is_taken_out_and_what_is_read_stays(given_text: str, shown: str) -> None:
    assert text.clean(given_text, 100) == shown


@given(ANY, st.integers(1, 50))
def test_clean_text_has_nothing_that_acts_and_is_bounded(given_text: str, limit: int) -> None:
    shown = text.clean(given_text, limit)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") and c not in "\t\n"]
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert len(shown) <= limit + len("… (200 more characters)")
    assert text.clean(shown, 1000) == shown


@given(ANY, st.integers(1, 50))
def test_a_line_is_one_line_and_bounded(given_text: str, limit: int) -> None:
    shown = text.line(given_text, limit)
    assert len(shown) <= limit
    assert len(shown.splitlines()) <= 1


def test_what_is_cut_off_is_counted() -> None:
    assert text.clean("x" * 1_000_000, 10) == "xxxxxxxxxx… (999,990 more characters)"
    assert text.line("one two three", 8) == "one two…"


def test_scores_are_written_in_their_metrics_unit() -> None:
    assert text.score(Score(metric="accuracy", value=8.46, interval=(5.21, 12.9), n=200)) == f"8.5{S}% [5.2,{S}12.9]"
    assert text.score(Score(metric="mae", value=0.734, interval=(0.6, 12.34), n=9)) == f"0.73 [0.60,{S}12.3]"
    assert text.number(-3.14, "accuracy", sign=True) == "−3.1"
    assert text.number(3.14, "mae", sign=True) == "+3.14"


def test_a_model_is_compared_with_the_best_of_what_needs_no_training(build: SimpleNamespace) -> None:
    easy = build.trivial("1")
    gap = Gap(to="constant", value=1.0, interval=(-4.0, 6.0), better=False)
    assert text.learned(0, easy, gap) == "nothing was shown to be better than the base model"
    assert text.learned(2, None, None) == "better than the base model on validation"
    assert (
        text.learned(2, easy, gap) == "better than the base model, but not shown to be better than always answering 1"
    )
    shown = gap.model_copy(update={"to": "few_shot", "better": True})
    assert text.learned(2, easy, shown) == (
        "better than the base model, and than the base model with 4 examples in its prompt"
    )


def test_without_sub_tasks_a_constant_stands_once_and_the_few_shot_prompt_under_its_own_name(
    build: SimpleNamespace,
) -> None:
    easy = build.trivial("yes")
    plain = easy.model_copy(update={"subtasks": {}, "majority_outputs": {}, "majority": easy.constant})
    assert text.trivial_scores(None, plain) == [
        ("always answering yes", None, easy.constant),
        ("the base model with 4 examples in its prompt", None, easy.few_shot),
    ]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"),
        (8.44, "8.4 s"),
        (59.4, "59.4 s"),
        (59.96, "1 min 0 s"),
        (750, "12 min 30 s"),
        (3599.7, "1 h 0 min"),
        (11100, "3 h 5 min"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert text.duration(seconds) == shown


def test_times_are_told_to_the_minute() -> None:
    assert text.time("2026-01-31T12:05:59.123+00:00") == "2026-01-31 12:05 UTC"
