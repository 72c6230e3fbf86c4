"""Text for people."""

from __future__ import annotations

from ftdojo.plain import plural


def test_nouns_agree_with_their_number() -> None:
    assert [plural(n, "row") for n in (0, 1, 2, 1200)] == ["0 rows", "1 row", "2 rows", "1,200 rows"]
    assert [plural(1, noun) for noun in ("class", "entry", "key")] == ["1 class", "1 entry", "1 key"]
    assert [plural(2, noun) for noun in ("class", "entry", "key")] == ["2 classes", "2 entries", "2 keys"]
