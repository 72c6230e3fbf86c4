"""Raw files as streams of rows: JSON lines, JSON, CSV and parquet, bounded by the disk and not by the memory.

Raw data is as it was published: a row that is no object, and a file that breaks off or is of another format than its
name says, gives a row that is ``None`` or of another type. Who reads decides what to do with it.
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
"""One JSON value that is longer is not read."""
PARQUET_BATCH = 500
_NOT_BETWEEN = re.compile(r"[^\s,]")
"""Where a JSON value begins."""


def read(path: Path) -> Iterator[Any]:
    """The rows of a file whose suffix is one of :data:`READERS`."""
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
    """The elements of a list, or values one after the other, decoded one by one. What cannot be decoded ends it."""
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
                # What ends with the text may go on after it, as a number does.
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
        except (ValueError, OSError):  # what pyarrow raises for other content
            yield None


READERS: dict[str, Callable[[Path], Iterator[Any]]] = {
    ".csv": _read_csv,
    ".json": _read_json,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
"""Suffix -> reader."""
