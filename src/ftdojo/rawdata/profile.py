"""A profile of the raw data: what an agent needs to know before it writes a data program."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ftdojo.schema import StrictModel

SAMPLE_ROWS = 2
SAMPLE_CHARS = 600


class FieldProfile(StrictModel):
    """One field over all rows of a file."""

    name: str
    types: dict[str, int]
    """JSON type -> number of rows."""
    missing_share: float
    """Rows in which it is absent, null or blank, 0 to 1."""
    chars_p50: int
    chars_p95: int
    broken_json_share: float | None
    """For text fields that mostly look like JSON: the share that does not parse; else ``None``."""


class FileProfile(StrictModel):
    """One raw file."""

    path: str
    rows: int
    malformed_rows: int
    fields: list[FieldProfile]
    samples: list[str]
    """The first rows as JSON text, cut to a bounded length."""


class DataProfile(StrictModel):
    """All raw files of a task."""

    files: list[FileProfile]


def profile(folder: Path) -> DataProfile:
    """Profile every ``.json``, ``.jsonl`` and ``.csv`` file below ``folder``."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix in {".json", ".jsonl", ".csv"} and p.is_file())
    return DataProfile(files=[_profile_file(path, path.relative_to(folder).as_posix()) for path in paths])


def _profile_file(path: Path, name: str) -> FileProfile:
    rows = list(_rows(path))
    good = [row for row in rows if isinstance(row, dict)]
    names = list(dict.fromkeys(key for row in good for key in row))
    return FileProfile(
        path=name,
        rows=len(good),
        malformed_rows=len(rows) - len(good),
        fields=[_profile_field(field, [row.get(field) for row in good]) for field in names],
        samples=[json.dumps(row, ensure_ascii=False)[:SAMPLE_CHARS] for row in good[:SAMPLE_ROWS]],
    )


def _rows(path: Path) -> Iterator[Any]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as stream:
            yield from csv.DictReader(stream)
    elif path.suffix == ".json":
        data = json.loads(path.read_text("utf-8"))
        yield from data if isinstance(data, list) else [data]
    else:
        with path.open(encoding="utf-8") as stream:
            for line in filter(str.strip, stream):
                yield _loads(line)


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _profile_field(name: str, values: list[Any]) -> FieldProfile:
    present = [v for v in values if v is not None and (not isinstance(v, str) or v.strip())]
    lengths = sorted(len(v if isinstance(v, str) else json.dumps(v)) for v in present) or [0]
    json_like = [v for v in present if isinstance(v, str) and v.lstrip()[:1] in ("{", "[")]
    broken = sum(_loads(v) is None for v in json_like)
    return FieldProfile(
        name=name,
        types=dict(Counter(type(v).__name__ for v in present)),
        missing_share=1 - len(present) / len(values),
        chars_p50=lengths[len(lengths) // 2],
        chars_p95=lengths[int(0.95 * (len(lengths) - 1))],
        broken_json_share=broken / len(json_like) if len(json_like) > len(present) / 2 else None,
    )
