"""Text for people."""

from __future__ import annotations

from ftdojo.plain import plural


def test_nouns_agree_with_their_number() -> None:
    assert [plural(n, "row") for n in (0, 1, 2, 1200)] == ["0 rows", "1 row", "2 rows", "1,200 rows"]
