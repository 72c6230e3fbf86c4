"""Surface properties of texts: language, markup, unfilled placeholders, broken characters. Pure functions."""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from collections.abc import Sequence

SCRIPTS = {
    "Latin": r"A-Za-z\u00c0-\u024f",
    "Greek": r"\u0370-\u03ff",
    "Cyrillic": r"\u0400-\u052f",
    "Hebrew": r"\u0590-\u05ff",
    "Arabic": r"\u0600-\u06ff",
    "Devanagari": r"\u0900-\u097f",
    "Thai": r"\u0e00-\u0e7f",
    "Hangul": r"\uac00-\ud7af\u1100-\u11ff",
    "Japanese": r"\u3040-\u30ff",
    "Chinese": r"\u3400-\u4dbf\u4e00-\u9fff",
}
"""Script -> its letters, as the inside of a character class."""
_LETTERS = {name: re.compile(f"[{inside}]") for name, inside in SCRIPTS.items()}

FUNCTION_WORDS = {
    "English": "the of and is to that for with are was this which from what be have not it how you",
    "German": "der die das und ist nicht ein eine mit von den dem zu auf für sich wird auch wie werden",
    "French": "le la les des est une dans pour que qui sur par avec sont pas du cette vous ce être",
    "Spanish": "el los las que una por con para es del como está más pero son este qué su al ser",
    "Italian": "il di che è per una sono della gli con non del nel alla questo come più delle quale dei",
    "Portuguese": "o os que uma não para com é do da em por dos mais como são foi ao qual das",
    "Dutch": "het een van en is dat niet op voor met zijn aan wordt deze welke hoe bij ook worden door",
}
"""Frequent words with little meaning; a word that two languages share counts for neither."""
_WORDS = {name: set(words.split()) for name, words in FUNCTION_WORDS.items()}
_OWN = {
    name: words - set().union(*(w for other, w in _WORDS.items() if other != name)) for name, words in _WORDS.items()
}
ENOUGH_WORDS = 100
"""Fewest function words for a language to be identified."""

CHAT_MARKS = re.compile(
    r"<\|im_(?:start|end)\|>|\[/?INST\]|<</?SYS>>|<\|(?:start|end)_header_id\|>|<\|eot_id\|>|<(?:start|end)_of_turn>"
    r"|<\|(?:user|assistant|system|end|endoftext)\|>|###\s*(?:Instruction|Response|Human|Assistant)\s*:"
    r"|^(?:Human|Assistant|USER|ASSISTANT)\s*:",
    re.MULTILINE,
)
"""Markers that chat templates write around turns: ChatML, Llama 2 and 3, Gemma, Zephyr and Phi, Alpaca, Vicuna."""
PLACEHOLDERS = re.compile(
    r"\{\{\s*[A-Za-z_][\w.]*(?:\s*\|[^{}]*)?\s*\}\}|(?<![\\\w$^}{])\{[A-Za-z_]\w*\}(?!\})|%\([A-Za-z_]\w*\)[sdr]"
)
"""Unfilled fields of Jinja, ``str.format`` and ``%``; braces in LaTeX follow a letter or sign and do not match."""
NO_ANSWERS = {"none", "nan", "null", "undefined", "n/a", "na", "todo", "tbd", "...", "…", "-", "?", "[]", "{}"}
"""Texts that programs write where a value is missing, in lower case."""
BROKEN = re.compile(r"\ufffd|\u00c3[\u0080-\u00bf]|\u00e2\u20ac|[\x00-\x08\x0e-\x1f\x7f-\x9f]")
"""A replacement character, UTF-8 that was read as Latin-1 or CP-1252, control characters."""
REPETITIVE = 0.06
"""Prose compresses to a third or half of its size; a text that compresses below this share of it is repetitive."""
LONG_ENOUGH = 240
"""UTF-8 bytes below which a text is not called repetitive."""


def script(text: str) -> str | None:
    """Return the script of most letters of a text; ``None`` if it has no letters."""
    counts = {name: len(letters.findall(text)) for name, letters in _LETTERS.items()}
    # Japanese mixes kana and Chinese characters: with enough kana, both count as Japanese.
    if counts["Japanese"] > 0.2 * counts["Chinese"]:
        counts["Japanese"] += counts.pop("Chinese")
    name = max(counts, key=counts.__getitem__)
    return name if counts[name] else None


def letters(text: str) -> int:
    """Count the letters of a text."""
    return sum(len(found.findall(text)) for found in _LETTERS.values())


def language(texts: Sequence[str]) -> str | None:
    """Return the language of texts in Latin script, taken together; ``None`` unless it is clear."""
    words = Counter(word for text in texts for word in re.findall(r"[^\W\d_]+", text.lower()))
    hits = {name: sum(words[word] for word in own) for name, own in _OWN.items()}
    best = max(hits, key=hits.__getitem__)
    return best if hits[best] >= max(ENOUGH_WORDS, 0.6 * sum(hits.values()), 0.04 * words.total()) else None


def repetitive(text: str) -> bool:
    """Whether a long text repeats itself."""
    raw = text.encode("utf-8", "replace")
    return len(raw) >= LONG_ENOUGH and len(zlib.compress(raw)) < REPETITIVE * len(raw)


def gists(answers: Sequence[str]) -> list[str]:
    """Return each answer without the beginning and the end that nearly all have in common.

    For ``{"count": "3"}``, ``{"count": "5"}`` … it returns 3, 5 …
    """
    kinds = sorted(set(answers))
    head = _common(kinds)
    tail = _common(sorted(kind[::-1] for kind in kinds))[::-1]
    return [answer.removeprefix(head).removesuffix(tail).strip() or answer for answer in answers]


def _common(ordered: Sequence[str]) -> str:
    """Return the common beginning of the middle four fifths of sorted texts."""
    margin = len(ordered) // 10
    first, last = ordered[margin], ordered[-1 - margin]
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)
    return first[:length]


def occurrences(part: str, text: str) -> int:
    """Count how often a text contains ``part``, but not within a longer word."""
    if not part:
        return 0
    left = r"(?<!\w)" if part[0].isalnum() else ""
    right = r"(?!\w)" if part[-1].isalnum() else ""
    return len(re.findall(f"{left}{re.escape(part)}{right}", text))


def quote(text: str, most: int = 80) -> str:
    """Return a text on one line for a message: quoted, and cut after ``most`` characters."""
    return json.dumps(text if len(text) <= most else f"{text[:most]}…", ensure_ascii=False)
