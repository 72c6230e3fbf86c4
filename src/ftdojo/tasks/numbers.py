"""Numbers in text: one in an output, read tolerantly; a gold answer that is wholly one number, read strictly.

``1,234.5``, ``1.234,5`` and ``1 234.5`` have separators of thousands, ``3,5`` has a decimal comma, ``3½`` is 3.5. A
digit within a word, as in ``COVID-19`` or ``H2O``, is no number. ``1/2`` is a fraction, except in a date such as
``1/2/2020``; ``6.02 × 10^23`` and ``10³`` are powers. A word that multiplies, as in ``1.5 million``, is kept apart.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

_BLANK = "[ \u00a0\u2009\u202f]"
_VULGAR = "¼½¾⅐-⅞"
_WHOLE = (
    rf"\d*[{_VULGAR}]|\d{{1,3}}(?:{_BLANK}\d{{3}})+(?![\d])(?:[.,]\d+)?"
    r"|\d{1,3}(?:,\d{3})+(?![\d]|,\d)(?:\.\d+)?|\d{1,3}(?:\.\d{3})+,\d+|\d+,\d+(?!\d|[,.]\d)|\d+(?:\.\d+)?|\.\d+"
)
_DIGITS = rf"(?P<digits>(?:{_WHOLE})(?:[eE][-+]?\d{{1,4}}(?![A-Za-z0-9_]))?)"
_SIGN = r"(?P<sign>[-+−–])?"
_FRACTION = r"(?:\s?/\s?(?P<below>\d+(?:\.\d+)?)(?![\d/]|\s?/))?"
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
_POWER = (
    r"(?:(?P<times>\s?(?:[×x*·⋅]|\\times|\\cdot)\s?10)?\s?"
    rf"(?:(?:\^|\*\*)\s?\{{?\s?(?P<power>[-+−–]?\d{{1,3}})(?!\d)\s?\}}?|(?P<raised>[{_RAISED}]{{1,4}})))?"
)
_SCALES = {
    "thousand|k|tsd|mille": 10**3,
    "million|millionen|mio|mn|mln": 10**6,
    "billion|bn|bln|milliarden?|milliards?|mrd": 10**9,
    "trillion|tn|trn": 10**12,
    "lakh": 10**5,
    "crore": 10**7,
}
"""Words that multiply -> by what. "Billion" is the English one."""
_LETTERS = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
"""The same for letters that stand right behind the digits, as in ``1.5M``."""
_CHARACTERS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_SCALE = (
    rf"(?:\s?(?:(?P<word>(?i:{'|'.join(_SCALES)}))s?\b|(?P<character>[{''.join(_CHARACTERS)}]))"
    rf"|(?P<letter>[{''.join(_LETTERS)}])(?![A-Za-z0-9_]))?"
)
_REST = f"{_DIGITS}{_FRACTION}{_POWER}{_SCALE}"
NUMBER = re.compile(rf"(?<![A-Za-z0-9_.,])(?<![A-Za-z0-9_][-−–])(?:{_SIGN}\s?)?{_REST}")
_CURRENCY = r"(?:[$€£¥₹]|[A-Z]{2,3}\$?)?\s?"
_UNIT = r"(?:[^\W\d_]+\^?-?\d?|[%‰°$€£¥₹²³/·*.()\s-]){0,40}"
GOLD = re.compile(rf"\s*(?:{_SIGN}\s?)?{_CURRENCY}(?:(?P<inner>[-+−–])\s?)?{_REST}\s?{_UNIT}")
MAX_CHARS = 200
"""A longer text is no number with its unit."""
MAX_EXPONENT = 400
"""A power of ten beyond it is no number that answers anything."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written, exactly."""

    value: Fraction
    """Without the word that multiplies."""
    scale: int = 1
    """By what the word behind it multiplies: 1,000,000 in ``1.5 million``."""

    def error(self, gold: Number) -> Fraction:
        """Return how far it is from the right answer, in the unit of that: in millions from ``1.5 million``.

        Where only one of both has a word that multiplies, the other may be the whole number, or leave the word out: the
        reading that is nearer counts.
        """
        whole = abs(self.value * self.scale / gold.scale - gold.value)
        return min(whole, abs(self.value - gold.value)) if 1 in (self.scale, gold.scale) else whole


def first_number(text: str, *, fractions: bool) -> Number | None:
    """Return the first number of a text, or ``None``.

    Args:
        text: any text.
        fractions: read ``1/2`` as a half; otherwise as one.
    """
    match = NUMBER.search(text)
    return _read(match, match["sign"], fractions=fractions) if match else None


def gold_number(text: str) -> Number:
    """Return the number that a gold answer is.

    A sign, a currency before it, a word that multiplies and a unit behind it may stand with it, and nothing else.

    Raises:
        ValueError: if the text is no number, or more than one.
    """
    if NUMBER.search(text) is None:
        raise ValueError("holds no number")
    match = GOLD.fullmatch(text) if len(text) <= MAX_CHARS else None
    value = _read(match, match["sign"] or match["inner"], fractions=True) if match else None
    if value is None:
        raise ValueError("is not one number, with or without a unit")
    return value


def _read(match: re.Match[str], sign: str | None, *, fractions: bool) -> Number | None:
    try:
        value = _digits(match["digits"])
        if fractions and match["below"]:
            value /= Fraction(match["below"])
        if (power := _power(match)) is not None:
            base = Fraction(10) if match["times"] else value
            if not base or abs(power) * abs(math.log10(base)) > MAX_EXPONENT:
                return None
            value = value * base**power if match["times"] else base**power
        float(value)
    except (ValueError, ArithmeticError):
        return None
    return Number(-value if sign in ("-", "−", "–") else value, _scale(match))


def _digits(text: str) -> Fraction:
    """Return the value of digits with their separators, without a sign."""
    if re.fullmatch(rf"\d*[{_VULGAR}]", text):
        return int(text[:-1] or 0) + Fraction(unicodedata.numeric(text[-1])).limit_denominator(10)
    text = re.sub(_BLANK, "", text)
    if re.fullmatch(r"\d{1,3}(?:\.\d{3})+,\d+", text):
        text = text.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?:[eE].*)?", text):
        text = text.replace(",", "")
    text = text.replace(",", ".")
    if (exponent := re.search(r"[eE](.*)", text)) and abs(int(exponent[1])) > MAX_EXPONENT:
        raise ValueError("the exponent is too large")
    return Fraction(text)


def _power(match: re.Match[str]) -> int | None:
    written = match["power"] or match["raised"]
    if written is None:
        return None
    return int(unicodedata.normalize("NFKC", written).replace("−", "-").replace("–", "-"))


def _scale(match: re.Match[str]) -> int:
    if match["letter"]:
        return _LETTERS[match["letter"]]
    if match["character"]:
        return _CHARACTERS[match["character"]]
    word = (match["word"] or "").casefold()
    return next((by for names, by in _SCALES.items() if re.fullmatch(names, word)), 1)
