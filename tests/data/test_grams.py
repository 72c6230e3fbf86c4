"""Words and n-grams of texts, as hashes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.data.grams import Hasher, strip_punctuation


@pytest.mark.parametrize(
    ("text", "word"), [("(word)", "word"), ("_a_b_", "a_b"), ("...", ""), ("don't!", "don't"), ("«é»", "é"), ("", "")]
)
def test_punctuation_around_a_word_is_no_part_of_it(text: str, word: str) -> None:
    assert strip_punctuation(text) == word


@given(st.text(alphabet=st.characters() | st.sampled_from("_-.a1")))
def test_it_is_what_a_pattern_would_strip(text: str) -> None:
    assert strip_punctuation(text) == re.sub(r"^[\W_]+|[\W_]+$", "", text)


def test_words_are_the_same_without_case_and_punctuation() -> None:
    one, two, other = (Hasher().hash_rows([[text]]).words.tolist() for text in ("(Ann) said", "ann SAID.", "Ann says"))
    assert one == two != other
