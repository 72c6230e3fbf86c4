"""Raw files as streams of rows: JSON lines, JSON, CSV and parquet, limited by the disk and not by memory.

Raw data stays as it was published: a row that is no object, and a file that ends early or has another format than its
name suggests, gives a row that is ``None`` or of another type. The caller decides what to do with it.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ftdojo.tasks.rows import scan_jsonl

JSON_CHUNK = 2**20
MAX_JSON_CHARS = 200 * 2**20
"""A longer JSON value is not read."""
PARQUET_BATCH = 500
_NOT_BETWEEN = re.compile(r"[^\s,]")
"""The beginning of a JSON value."""


def read(path: Path) -> Iterator[Any]:
    """Yield the rows of a file whose suffix is one of :data:`READERS`."""
    return READERS[path.suffix](path)


def _read_jsonl(path: Path) -> Iterator[Any]:
    return (row for _, row in scan_jsonl(path))


def _read_csv(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        reader = csv.DictReader(stream)
        while True:
            try:
                row: Any = next(reader)
            except StopIteration:
                return
            except csv.Error:
                row = None
            yield row


def _read_json(path: Path) -> Iterator[Any]:
    """Yield the elements of a list, or successive values, decoded one by one. Text that cannot be decoded ends it."""
    decoder = json.JSONDecoder()
    with path.open(encoding="utf-8-sig") as stream:
        try:
            text = stream.read(JSON_CHUNK).lstrip()
            is_list = text.startswith("[")
            position = int(is_list)
            while True:
                begin = _NOT_BETWEEN.search(text, position)
                position = begin.start() if begin else len(text)
                if is_list and text[position : position + 1] == "]":
                    return
                value, end = _decode(decoder, text, position)
                rest = len(text) - position
                # A value at the end of the text may continue after it, as a number can.
                if (end is None or end == len(text)) and rest < MAX_JSON_CHARS:
                    more = stream.read(max(JSON_CHUNK, rest))
                    if more:
                        text, position = text[position:] + more, 0
                        continue
                if end is None:
                    if rest or is_list:
                        break
                    return
                yield value
                position = end
        except (UnicodeDecodeError, RecursionError):
            pass
        yield None


def _decode(decoder: json.JSONDecoder, text: str, position: int) -> tuple[Any, int | None]:
    try:
        return decoder.raw_decode(text, position)
    except ValueError:
        return None, None


def _read_parquet(path: Path) -> Iterator[Any]:
    from pyarrow import parquet

    with path.open("rb") as stream:
        try:
            for batch in parquet.ParquetFile(stream, pre_buffer=False).iter_batches(PARQUET_BATCH):
                yield from batch.to_pylist()
        except (ValueError, OSError):  # errors of pyarrow for other content
            yield None


READERS: dict[str, Callable[[Path], Iterator[Any]]] = {
    ".csv": _read_csv,
    ".json": _read_json,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
"""Suffix -> reader."""
