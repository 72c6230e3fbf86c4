"""The end of a hostile program's output."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from ftdojo.sandbox.tail import Tail, clean


@given(st.lists(st.binary(max_size=20)), st.integers(0, 50))
def test_the_last_bytes_are_kept(chunks: list[bytes], limit: int) -> None:
    tail = Tail(limit)
    for chunk in chunks:
        tail.add(chunk)
    whole = b"".join(chunks)
    assert tail.text() == clean(whole[len(whole) - min(limit, len(whole)) :].decode("utf-8", errors="replace"))


@given(st.text())
def test_nothing_is_left_that_a_terminal_acts_on(text: str) -> None:
    assert {unicodedata.category(c) for c in clean(text).replace("\n", "").replace("\t", "")}.isdisjoint(
        {"Cc", "Cf", "Cs"}
    )


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"])))
def test_plain_text_is_left_alone(text: str) -> None:
    assert clean(text) == text


def test_known_sequences() -> None:
    assert clean("\x1b[31mred\x1b[0m \x1b]0;title\x07x\x1b]8;;http://e.x\x1b\\y") == "red xy"
    assert clean("10%\r20%\r\nend\x00\x08\u202e") == "10%\n20%\nend"
