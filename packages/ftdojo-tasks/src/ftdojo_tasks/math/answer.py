r"""Find the final answer in a model's output and compare it with the gold answer: the rule stage of the reference.

Where an answer is looked for:

1. The last closed ``\boxed{…}``. Boxes less than ten characters apart, or less than seventy with a comma, semicolon,
   *and* or *or* between them and another content, are one answer: a set, which no integer equals.
2. Without a box, the formula (``$…$``, ``$$…$$``, ``\[…\]``, ``\(…\)``) that follows *final answer … is*, else
   *answer:*, else *answer*, within a hundred or fifty characters; of several the last. Formulas joined by a comma,
   *and* or *or* are one answer, too. Only the last 20,000 characters are searched.

The found text is read and compared by Math-Verify (its grammar for LaTeX, SymPy for equality), so ``070``, ``n=70``,
``70.0``, ``\frac{140}{2}`` and ``70^\circ`` all are 70. Reading LaTeX takes time exponential in the depth of its
brackets, and a short power or root can keep SymPy busy for minutes. A time limit by signal would work in the main
thread only and make verdicts depend on the machine, so the bound is on the text: :func:`readable` accepts only
text that is cheap to read, which is enough for a final integer.
"""

from __future__ import annotations

import importlib
import logging
import re
from collections import deque
from functools import cache, lru_cache
from typing import Any

from ftdojo.errors import PrerequisiteError

INSTALL = "pip install math-verify==0.9.0"

BOX = r"\boxed{"
BRACE = re.compile(r"[{}]")
CLOSE_TOGETHER, SAME_SENTENCE = 10, 70
"""Two boxes with fewer characters between them are one answer; at the second distance only if a separator says so."""
SEPARATOR = re.compile(r"\b(?:and|or)\b|[,;]")

MAX_CHARS = 80
MAX_TOKENS = 16
MAX_DEPTH = 2
TOKEN = re.compile(
    r"\\sqrt\s?\{[0-9]{1,8}\}|\\(?:[dt]?frac|cdot|times|div|left|right|degree|[,;:! $])"
    r"|\\(?:text|textbf|mathrm|mathbf|mbox)\s?\{[\w .,-]{0,30}\}(?:\^[23](?![0-9]))?"
    r"|(?<![0-9])[0-9]{1,4}\^(?:[0-9](?![0-9])|\{[0-9]{1,2}\})|[0-9]+"
    r"|\^(?:\\circ|\{\\circ\}|\\degree|\{\\degree\})|[-+*/(){}.,°$ ]"
)
"""What an answer may consist of: numbers, small powers and roots of numbers, the four operations, fractions, text."""
UNIT = re.compile(r"(?:(?<![\\A-Za-z])[A-Za-z]{1,20}|\\?%)$")
"""Further text that may be at its end."""
LIST = re.compile(r"[,;]")
EQUALS = re.compile(r"(?<![\\<>!])=")
INTEGER = re.compile(r"-?[0-9]{1,12}")

_FORMULA = (
    rf"(?:\$\$([^$]{{1,{MAX_CHARS}}})\$\$|(?<![\\\d])\$([^$\n]{{1,{MAX_CHARS}}})\$"
    rf"|\\\[((?:[^\\]|\\(?!\])){{1,{MAX_CHARS}}}?)\\\]|\\\(((?:[^\\\n]|\\(?!\))){{1,{MAX_CHARS}}}?)\\\))"
)
FORMULA = re.compile(_FORMULA)
ANCHORED = tuple(
    re.compile(rf"{anchor}((?:{_FORMULA})(?:\s?(?:,?and|,?or|,)?\s?{_FORMULA}){{0,5}})", re.DOTALL | re.IGNORECASE)
    for anchor in (r"final answer.{0,100}?\sis:?\s{0,5}", r"answer:.{0,50}?", r"answer.{0,50}?")
)
"""A formula after a word that announces it, the plainest announcement first."""
TAIL = 20_000
"""Characters at the end in which formulas are searched; the last formula counts, and each one takes time."""


def find(output: str) -> str | None:
    """The LaTeX of the final answer, by the rules above; ``None`` if there is none. Time is linear in the output."""
    boxed = _last_boxes(output)
    if boxed:
        return ",".join(reversed(boxed))
    for pattern in ANCHORED:
        announced = deque(pattern.finditer(output, max(0, len(output) - TAIL)), maxlen=1)
        if announced:
            return ",".join(next(filter(None, groups)).strip() for groups in FORMULA.findall(announced[0][1]))
    return None


def _last_boxes(text: str) -> list[str]:
    """The contents of the last boxes that form one answer, from right to left."""
    found: list[str] = []
    limit, start = len(text), text.rfind(BOX)
    while start >= 0 and len(found) <= MAX_TOKENS:
        end = _closing_brace(text, start + len(BOX), limit)
        if end is not None:
            content = text[start + len(BOX) : end].strip()
            if found and not _one_answer(text[end + 1 : limit], content != found[-1]):
                break
            if not found or content != found[-1]:
                found.append(content)
        elif found:
            break
        limit, start = start, text.rfind(BOX, 0, start)
    return found


def _one_answer(between: str, different: bool) -> bool:
    return len(between) < CLOSE_TOGETHER or (
        different and len(between) < SAME_SENTENCE and SEPARATOR.search(between) is not None
    )


def _closing_brace(text: str, start: int, limit: int) -> int | None:
    depth = 1
    for brace in BRACE.finditer(text, start, limit):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0:
            return brace.start()
    return None


def readable(text: str) -> bool:
    """Whether an answer is short, shallow and plain enough to be read in well under a second, whatever it says."""
    if len(text) > MAX_CHARS:
        return False
    body = UNIT.sub("", text)
    return 0 < len(TOKEN.findall(body)) <= MAX_TOKENS and not TOKEN.sub("", body).strip() and _depth(body) <= MAX_DEPTH


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character in "({") - (character in ")}")
        deepest = max(deepest, depth)
    return deepest


def equal(answer: str, gold: str) -> bool | None:
    """Whether an answer has the value of the gold answer; ``None`` if it cannot be read.

    Of an equation the right side counts. Two plain integers are compared as such, without Math-Verify.

    Raises:
        ValueError: if the gold answer cannot be read.
        PrerequisiteError: if Math-Verify is not installed.
    """
    answer, gold = answer.strip(), gold.strip()
    if not (readable(gold) and _values(gold)):
        raise ValueError(f"{gold[:80]!r} is no number in LaTeX")
    if not LIST.search(answer):
        answer = EQUALS.split(answer)[-1].strip()
    if INTEGER.fullmatch(answer) and INTEGER.fullmatch(gold):
        return int(answer) == int(gold)
    return _verify(answer, gold) if readable(answer) else None


@lru_cache(maxsize=4096)
def _verify(answer: str, gold: str) -> bool | None:
    found = _parse_answer(answer)
    return bool(math_verify().verify(found, list(_values(gold)), timeout_seconds=None)) if found else None


@lru_cache(maxsize=4096)
def _values(gold: str) -> tuple[Any, ...]:
    """The value of a gold answer, read as the reference reads it; none if it has none."""
    library = math_verify()
    ways = [library.LatexExtractionConfig(), library.ExprExtractionConfig()]
    found = library.parse(f"${gold}$", ways, extraction_mode="first_match", parsing_timeout=None)
    return tuple(value for value in found if not isinstance(value, str))


def _parse_answer(answer: str) -> list[Any]:
    library = math_verify()
    form = library.LatexNormalizationConfig(
        basic_latex=True, units=True, malformed_operators=False, nits=False, boxed="all", equations=False
    )
    way = library.LatexExtractionConfig(
        try_extract_without_anchor=False, boxed_match_priority=0, normalization_config=form
    )
    found = library.parse(f"{BOX}{answer}}}", [way], extraction_mode="first_match", parsing_timeout=None)
    return [value for value in found if not isinstance(value, str)]


@cache
def math_verify() -> Any:
    """The library.

    Raises:
        PrerequisiteError: if it is not installed.
    """
    try:
        library = importlib.import_module("math_verify")
    except ModuleNotFoundError:
        raise PrerequisiteError(
            "answers in LaTeX are read by Math-Verify, which is not installed", fix=INSTALL
        ) from None
    # It warns of every use without a limit by signal. Here the bound is on the text.
    logging.getLogger("math_verify").setLevel(logging.ERROR)
    return library
