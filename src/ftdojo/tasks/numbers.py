"""Numbers in text: one in an output, read tolerantly; a gold answer that is wholly one number, read strictly.

``1,234.5`` and ``1.234,5`` have separators of thousands, ``3,5`` has a decimal comma. A digit within a word, as in
``COVID-19`` or ``H2O``, is no number. ``1/2`` is a fraction, except in a date such as ``1/2/2020``.
"""

from __future__ import annotations

import math
import re

_WHOLE = r"\d{1,3}(?:,\d{3})+(?![\d]|,\d)(?:\.\d+)?|\d{1,3}(?:\.\d{3})+,\d+|\d+,\d+(?!\d|[,.]\d)|\d+(?:\.\d+)?|\.\d+"
_PLAIN = rf"(?:{_WHOLE})(?:[eE][-+]?\d{{1,4}}(?![A-Za-z0-9_]))?"
_SIGNED = rf"(?:[-+−–]\s?)?(?:{_PLAIN})"
_FRACTION = r"(?:\s?/\s?(?P<below>\d+(?:\.\d+)?)(?![\d/]|\s?/))?"
NUMBER = re.compile(rf"(?<![A-Za-z0-9_.,])(?<![A-Za-z0-9_][-−–])(?P<above>{_SIGNED}){_FRACTION}")
_CURRENCY = r"(?:[$€£¥₹]|[A-Z]{2,3}\$?)?\s?"
_UNIT = r"(?:[^\W\d_]+\^?-?\d?|[%‰°$€£¥₹²³/·*.()\s-]){0,40}"
GOLD = re.compile(rf"\s*(?P<above>[-+−–]?\s?{_CURRENCY}(?:{_SIGNED})){_FRACTION}\s?{_UNIT}")
MAX_CHARS = 200
"""A longer text is no number with its unit."""


def first_number(text: str, *, fractions: bool) -> float | None:
    """Return the first number of a text, or ``None``.

    Args:
        text: any text.
        fractions: read ``1/2`` as a half; otherwise as one.
    """
    match = NUMBER.search(text)
    return _value(match, fractions=fractions) if match else None


def gold_number(text: str) -> tuple[float, bool]:
    """Return the number that a gold answer is, and whether it is a fraction or has decimals.

    A sign, a currency before it and a unit behind it may stand with it, and nothing else.

    Raises:
        ValueError: if the text is no number, or more than one.
    """
    if NUMBER.search(text) is None:
        raise ValueError("holds no number")
    match = GOLD.fullmatch(text) if len(text) <= MAX_CHARS else None
    value = _value(match, fractions=True) if match else None
    if value is None:
        raise ValueError("is not one number, with or without a unit")
    return value, not value.is_integer()


def _value(match: re.Match[str], *, fractions: bool) -> float | None:
    text = re.sub(r"[^\d.,eE+-]", "", match["above"].replace("−", "-").replace("–", "-"))
    if re.fullmatch(r"[-+]?\d{1,3}(?:\.\d{3})+,\d+", text):
        text = text.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?:[eE].*)?", text):
        text = text.replace(",", "")
    try:
        value = float(text.replace(",", "."))
        if fractions and match["below"]:
            value /= float(match["below"])
    except (ValueError, ArithmeticError):
        return None
    return value if math.isfinite(value) else None
