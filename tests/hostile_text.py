"""Text that nobody means: the marks that parsers look for, in any order and number, and what breaks naive code."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

from hypothesis import strategies as st

MAX_CHARS = 150_000
"""More than any model writes, and enough that work which grows with the square is noticed."""
CPU_S = 10.0
"""Of processor time, so that a busy machine does not matter. Linear work on such a text takes a hundredth of it."""
MARKS = [
    *(
        "```",
        "```json\n",
        "```python\n",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        '"',
        "'",
        ":",
        ",",
        ";",
        "\\",
        "/",
        "|",
        "=",
        "#",
    ),
    *('"answer":', "answer: ", "Answer", "Final Answer:", "final answer is ", '"code": ', "<think>", "</think>", "and"),
    *("\\boxed{", "\\frac{1}{", "\\sqrt{", "$", "$$", "\\[", "\\]", "^", "_", "%", "A", "B", "yes", "no", "null"),
    *("\n", " ", "\t", "\r", "\x00", "\x1b[2J", "\u2028", "\ud800", "\u202e", "é", "中", "٣", "²", "Ⅳ", "🙂"),
    *("0", "9", "-", ".", "1e999", "-1e-999", "NaN", "Infinity", "0x" + "f" * 5000, "9" * 5000, "1_", "1:"),
    *(
        "&a ",
        "*a ",
        "!!int ''",
        "!!timestamp x",
        "!!bool x",
        "!!float ''",
        "? ",
        "- ",
        "<<: ",
        "a: ",
        "a.",
        "a = ",
        "[a.a]",
    ),
    *(
        "{{",
        "}}",
        "{%",
        "%}",
        "{# ",
        "x|",
        "x.",
        "loop",
        " if ",
        "range(9)",
        "**",
        "C",
        "c1",
        "N",
        "[nH]",
        "@",
        "%99",
        "C(=O)",
    ),
]
COUNTS = st.sampled_from([1, 1, 1, 1, 2, 3, 40, 1000, 30_000])


class Hostile(str):
    """A text that is shown as what it is made of: it may be long."""

    parts: list[tuple[str, int]]

    def __repr__(self) -> str:
        return f"Hostile.of({self.parts!r})"

    @classmethod
    def of(cls, parts: list[tuple[str, int]]) -> Hostile:
        """Parts, each repeated so many times."""
        text = "".join(part * min(count, MAX_CHARS // max(1, len(part))) for part, count in parts)
        made = cls(text[:MAX_CHARS])
        made.parts = parts
        return made


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Marks and letters, some of them very often."""
    part = st.sampled_from(MARKS) | st.text(max_size=4)
    return Hostile.of(draw(st.lists(st.tuples(part, COUNTS), min_size=1, max_size=8)))


def values(keys: list[str]) -> st.SearchStrategy[Any]:
    """Values as JSON and YAML have them, in which some of these keys occur."""
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.sampled_from([10**400, -1, 0, 1e308, float("nan"), float("inf"), "", "\ud800", "\x00"])
        | st.floats()
        | st.text(max_size=6)
        | st.sampled_from(MARKS)
    )
    names = st.sampled_from(keys) | st.text(max_size=3)
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6), max_leaves=12
    )


def deep(keys: list[str]) -> st.SearchStrategy[Any]:
    """Such values, some of them at the bottom of very many lists or mappings."""

    def nest(value: Any, depth: int, key: str | None) -> Any:
        for _ in range(depth):
            value = [value] if key is None else {key: value}
        return value

    return st.builds(nest, values(keys), st.sampled_from([0, 0, 0, 5, 300]), st.sampled_from([None, *keys]))


class TooSlowError(AssertionError):
    """A parser needs more processor time than it may."""


@contextlib.contextmanager
def bounded(seconds: float = CPU_S) -> Iterator[None]:
    """Fail when the block takes so much processor time, in whatever loop it is."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlowError(f"more than {seconds:g} s of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
