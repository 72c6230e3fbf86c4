"""How an answer looks: a document that fits into what agents show of a tool's answer, and its text in lines.

Agents cut long answers in the middle (mini-swe-agent at 10,000 characters, Cline at 8,000), and some show nothing of a
very long line. So an answer is shortened here, where it is known what can be left out, and says what was left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import yaml

ANSWER_CHARS = 5_900
"""The most characters of an answer, both as text and as JSON."""
DIGITS = 4
"""Significant digits of a fraction."""
_STEPS = (
    (4000, 200), (2000, 100), (1200, 60), (800, 40), (500, 30), (350, 20), (250, 14), (180, 10),
    (120, 8), (90, 6), (60, 4), (40, 3), (20, 2),
)  # fmt: skip
"""Pairs of the most characters of a text and the most entries of a list or table, from generous to strict."""


_ODD_BREAKS = frozenset("\r\x85\u2028\u2029")


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as lines."""

    def ignore_aliases(self, _: object) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    if not _ODD_BREAKS.isdisjoint(text):  # PyYAML does not read them back as they were, unless they are escaped
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_list(dumper: yaml.SafeDumper, values: list[Any]) -> yaml.Node:
    numbers = all(isinstance(value, int | float) for value in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=numbers)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(list, _represent_list)


def to_text(document: Mapping[str, Any]) -> str:
    """Return a document as YAML, one key a line."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def fit(document: Mapping[str, Any], whole: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a document of at most :data:`ANSWER_CHARS`, with rounded numbers and without lone surrogates.

    Long texts and lists are cut, equally strictly everywhere and no more than needed. What was cut says so.

    Args:
        document: plain data: what JSON can hold.
        whole: keys of the document whose values are never cut.
    """
    plain = {key: _plain(value) for key, value in document.items()}
    fitted = plain
    for chars, entries in ((None, None), *_STEPS):
        if chars is not None and entries is not None:
            fitted = {k: v if k in whole else _cut(v, chars, entries) for k, v in plain.items()}
        if _fits(fitted):
            break
    return fitted


def _fits(document: Mapping[str, Any]) -> bool:
    """Whether both forms are short enough. JSON is quick to write, so that most documents are refused by it."""
    as_json = len(json.dumps(document, ensure_ascii=False))
    return as_json <= ANSWER_CHARS and len(to_text(document)) <= ANSWER_CHARS


def _plain(value: Any) -> Any:
    """Round fractions; make a value that JSON and YAML can hold."""
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return round(value, 1) if abs(value) >= 10 ** (DIGITS - 1) else float(f"{value:.{DIGITS}g}")
    return value if value is None or isinstance(value, bool | int) else str(value)


def _cut(value: Any, chars: int, entries: int) -> Any:
    if isinstance(value, str) and len(value) > chars:
        return f"{value[:chars]} … ({len(value) - chars:,} more characters)"
    if isinstance(value, dict):
        kept = {key: _cut(inner, chars, entries) for key, inner in list(value.items())[:entries]}
        return {**kept, "…": f"{len(value) - entries:,} more"} if len(value) > entries else kept
    if isinstance(value, list):
        some = [_cut(inner, chars, entries) for inner in value[:entries]]
        return [*some, f"… ({len(value) - entries:,} more)"] if len(value) > entries else some
    return value
