"""A profile of the raw data, which an agent reads before it writes a data program.

Files are read as streams, so their size is limited by the disk, not by memory.
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ftdojo.contract.data_profile import DataProfile, FieldProfile, FileProfile
from ftdojo.contract.row import SURROGATE
from ftdojo.tasks import raw_files

SAMPLE_ROWS = 2
SAMPLE_CHARS = 600
TOKEN_ROWS = 2000
"""Tokens are counted on at most this many rows of a file."""
LABELS, LABEL_CHARS = 20, 40
"""A field with at most ``LABELS`` distinct values of at most ``LABEL_CHARS`` characters counts as a label."""
MAX_FIELDS = 100
"""Most fields of a file: a JSON object that maps ids to rows is read as one row with a field per id."""

Count = Callable[[list[str]], list[int]]
"""The number of tokens of each text."""


def profile(folder: Path, count: Count | None = None) -> DataProfile:
    """Profile every ``.json``, ``.jsonl``, ``.csv`` and ``.parquet`` file below ``folder``.

    Args:
        count: counts tokens; without it, lengths are in characters only.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix in raw_files.READERS and path.is_file())
    return DataProfile(files=[_profile_file(path, path.relative_to(folder).as_posix(), count) for path in paths])


class _Field:
    """Statistics of a field, collected row by row."""

    def __init__(self) -> None:
        self.types: Counter[str] = Counter()
        self.lengths = array("Q")
        self.json_like = self.broken_json = 0
        self.labels: Counter[str] | None = Counter()

    def add(self, value: Any, text: str) -> None:
        """Add one value that is not missing, and its text."""
        self.types[type(value).__name__] += 1
        self.lengths.append(len(text))
        if isinstance(value, str) and text.lstrip()[:1] in {"{", "["}:
            self.json_like += 1
            self.broken_json += not _is_json(text)
        if self.labels is not None:
            self.labels[text] += 1
            if not isinstance(value, (str, int)) or len(text) > LABEL_CHARS or len(self.labels) > LABELS:
                self.labels = None

    def profile(self, name: str, rows: int, tokens: Sequence[int] | None) -> FieldProfile:
        """Return the profile, given the number of all rows and the token counts of some."""
        present = len(self.lengths)
        return FieldProfile(
            name=name,
            types=dict(self.types),
            missing_share=1 - present / rows,
            chars_p50=_percentile(self.lengths, 0.5),
            chars_p95=_percentile(self.lengths, 0.95),
            broken_json_share=self.broken_json / self.json_like if self.json_like > present / 2 else None,
            tokens_p50=None if tokens is None else _percentile(tokens, 0.5),
            tokens_p95=None if tokens is None else _percentile(tokens, 0.95),
            labels=dict(self.labels.most_common()) if self.labels else None,
        )


class _Spaced:
    """Keeps evenly spaced values of a stream of unknown length: all of them, then every second, every fourth …"""

    def __init__(self) -> None:
        self.kept: list[dict[str, str]] = []
        self._seen, self._step = 0, 1

    def offer(self, value: dict[str, str]) -> None:
        if self._seen % self._step == 0:
            if len(self.kept) == TOKEN_ROWS:
                self.kept = self.kept[::2]
                self._step *= 2
            # Because the limit is even, the value that exceeds it is on the wider grid too.
            self.kept.append(value)
        self._seen += 1


def _profile_file(path: Path, name: str, count: Count | None) -> FileProfile:
    fields: dict[str, _Field] = {}
    left_out: set[str] = set()
    spaced = _Spaced()
    samples: list[str] = []
    rows = malformed = 0
    for row in raw_files.read(path):
        texts = _texts(row)
        if texts is None:
            malformed += 1
            continue
        rows += 1
        if len(samples) < SAMPLE_ROWS:
            samples.append(_to_json(row)[:SAMPLE_CHARS])
        for key, text in texts.items():
            if key not in fields and len(fields) == MAX_FIELDS:
                left_out.add(key)
                continue
            field = fields.setdefault(key, _Field())
            if text and not text.isspace():
                field.add(row[key], text)
        if count is not None:
            spaced.offer(texts)
    return FileProfile(
        path=name,
        rows=rows,
        malformed_rows=malformed,
        fields=[field.profile(key, rows, _tokens(spaced.kept, key, count)) for key, field in fields.items()],
        samples=samples,
        token_rows=len(spaced.kept),
        fields_left_out=len(left_out),
    )


def _tokens(rows: Sequence[dict[str, str]], key: str, count: Count | None) -> list[int] | None:
    if count is None:
        return None
    texts = (row.get(key, "") for row in rows)
    return count([text for text in texts if text and not text.isspace()])


def _texts(row: Any) -> dict[str, str] | None:
    """Return the text of every field, blank if missing; ``None`` for a row that is no object, or whose text was cut
    within a character."""
    if not isinstance(row, dict) or None in row:  # the key that csv gives to cells beyond the last column
        return None
    try:
        texts = {
            key: value if isinstance(value, str) else "" if value is None else _to_json(value)
            for key, value in row.items()
        }
    except RecursionError:
        return None
    return None if any(map(SURROGATE.search, (*texts, *texts.values()))) else texts


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_describe)


def _describe(value: Any) -> str:
    """Return a text for a value that JSON does not support: times, decimals, and bytes such as images."""
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else str(value)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _percentile(values: Sequence[int], share: float) -> int:
    return sorted(values)[int(share * (len(values) - 1))] if values else 0
