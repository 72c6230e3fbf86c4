"""Text for people."""

from __future__ import annotations

from ftdojo.plain import plural, replace_surrogates


def test_nouns_agree_with_their_number() -> None:
    assert [plural(n, "row") for n in (0, 1, 2, 1200)] == ["0 rows", "1 row", "2 rows", "1,200 rows"]
    assert [plural(1, noun) for noun in ("class", "entry", "key")] == ["1 class", "1 entry", "1 key"]
    assert [plural(2, noun) for noun in ("class", "entry", "key")] == ["2 classes", "2 entries", "2 keys"]


def test_half_a_character_is_shown_as_a_question_mark() -> None:
    assert replace_surrogates("a\ud83db") == "a?b"
    assert replace_surrogates("\U0001f600 ü") == "\U0001f600 ü"
