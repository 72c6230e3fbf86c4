"""Final answers of TableBench: their place in an output, and their comparison.

The rules are those of the reference harness, corners included: of two markers the first counts; marks of emphasis
around it stay in the answer; there is no numeric tolerance where text is compared, and signs, points and thousands
separators become spaces; of a numeric answer only the first number counts.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MARKER = re.compile(r"Final Answer:\s*(.+?)(?:\n|$)", re.IGNORECASE | re.DOTALL)
NUMBER = re.compile(r"-?\d+\.?\d*")
TOLERANCE, NEAR_ZERO = 0.10, 1e-6
MAX_DIGITS = 300
"""A longer number is no double."""
MAX_WORDS = 200
"""Longer texts are cut before they are compared by ROUGE-L, whose work is the product of the lengths and whose
implementation is recursive."""


class Answer(NamedTuple):
    """A final answer, and whether the marker stood before it."""

    text: str
    marked: bool


def final(text: str) -> Answer:
    """What follows the first ``Final Answer:``, up to the end of that line; without a marker the whole text."""
    match = MARKER.search(text)
    return Answer((match[1] if match else text).strip(), match is not None)


def normalized(text: str) -> str:
    """Lower case; what is no letter, digit, underscore or space becomes a space; runs of spaces become one."""
    return " ".join(re.sub(r"[^\w\s]", " ", text.lower()).split())


def same(given: str, gold: str) -> bool:
    """Whether two answers are the same text, normalized. An answer without letters and digits is compared as it is."""
    a, b = normalized(given), normalized(gold)
    return a == b if a or b else bool(given) and given == gold


def number(text: str) -> float | None:
    """The first number, after commas and per cent signs are taken out: ``9.34,1.18`` is 9.341, ``.5`` is 5."""
    match = NUMBER.search(text.replace(",", "").replace("%", ""))
    return float(match[0]) if match and len(match[0]) <= MAX_DIGITS else None


def close(given: str, gold: str) -> bool:
    """Whether the first numbers differ by at most 10 per cent of the gold one; without numbers, whether the texts are
    equal without regard to case."""
    p, r = number(given), number(gold)
    if p is None or r is None:
        return bool(given) and given.lower() == gold.lower()
    return abs(p) < NEAR_ZERO if r == 0 else abs(p - r) / abs(r) <= TOLERANCE


def rouge_l(given: str, gold: str) -> float:
    """ROUGE-L, the F-score of the package ``rouge``, 0 to 1; 0 where it finds no sentence, as in full stops alone."""
    from rouge import Rouge

    a, b = (" ".join(text.lower().split()[:MAX_WORDS]) for text in (given, gold))
    try:
        (scores,) = Rouge(metrics=["rouge-l"]).get_scores(a, b)
    except ValueError:
        return 0.0
    return round(float(scores["rouge-l"]["f"]), 6)  # it holds an epsilon: equal texts give 0.999999995
