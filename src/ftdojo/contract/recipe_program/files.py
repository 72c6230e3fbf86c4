"""Raw files as streams of rows, limited by the disk and not by memory: the one reader of every format.

Text may be UTF-8 with or without a byte order mark, or UTF-16; bytes that are neither are read as Windows-1252
(:func:`find_encoding` says so). A value that JSON does not have (NaN, Infinity) is missing, as null is. Numbers, times
and decimals become JSON values; bytes, such as pictures, stay bytes.

A row that is no object, and a file that ends early or has another format than its name suggests, gives a row that is
``None`` or of another type, so that the caller can count it.
"""

from __future__ import annotations

import codecs
import csv
import datetime
import decimal
import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

JSON_CHUNK = 2**20
MAX_CHARS = 200 * 2**20
"""A longer line, cell or JSON value is not read."""
BATCH = 500
"""Rows of a Parquet or Arrow file that are in memory at a time."""
SAMPLE = 2**16
"""Bytes from which the encoding and the delimiter are found."""
DELIMITERS = ",;\t|"
_NOT_BETWEEN = re.compile(r"[^\s,]")
"""The beginning of a JSON value."""
_LIST_OF_OBJECTS = re.compile(r"\s*\[\s*[{\]]")


def read_file(path: Path) -> Iterator[Any]:
    """Yield the rows of a file whose suffix is one of :data:`READERS`."""
    return READERS[path.suffix.lower()](path)


def load_json(text: str) -> Any:
    """Return the value of a JSON text; NaN and Infinity, which JSON does not have, are missing.

    Raises:
        ValueError: if it is no JSON.
        RecursionError: if it is nested too deeply.
    """
    return json.loads(text, parse_constant=lambda _: None)


# -- text --------------------------------------------------------------------------------------------------------


def find_encoding(path: Path) -> str | None:
    """Return the encoding of a text file: ``utf-8``, ``utf-8-sig``, ``utf-16``, ``cp1252``; ``None`` if it is no text.

    ``cp1252`` stands for a file with bytes that are not UTF-8. The whole file is read.
    """
    encoding = _encoding(path)
    if encoding not in ("utf-8", "utf-8-sig"):
        return encoding
    with path.open(encoding="utf-8") as stream:
        try:
            while stream.read(JSON_CHUNK):
                pass
        except UnicodeDecodeError:
            return "cp1252"
    return encoding


def _encoding(path: Path) -> str | None:
    """Return the encoding that the beginning of a file shows; ``None`` if it is no text."""
    with path.open("rb") as stream:
        head = stream.read(SAMPLE)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if b"\0" not in head:
        return "utf-8"
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) > len(head) / 4 and min(even, odd) < len(head) / 100:
        return "utf-16-le" if odd > even else "utf-16-be"
    return None


def _decode_foreign(error: UnicodeError) -> tuple[str, int]:
    """Decode the bytes that are not UTF-8 as Windows-1252, in which every byte of Latin-1 text has its meaning."""
    assert isinstance(error, UnicodeDecodeError)
    wrong = error.object[error.start : error.end]
    return wrong.decode("cp1252", "replace") if error.encoding == "utf-8" else "\ufffd", error.end


codecs.register_error("recipe_program.foreign", _decode_foreign)


def _open_text(path: Path, *, newline: str | None = None) -> IO[str] | None:
    """Open a text file in its encoding; ``None`` if it is no text."""
    encoding = _encoding(path)
    if encoding is None:
        return None
    return path.open(encoding=encoding, errors="recipe_program.foreign", newline=newline)


def _lines(stream: IO[str]) -> Iterator[str]:
    """Yield the lines of a stream. One that is too long is cut, so that it cannot be parsed, and passed over."""
    while line := stream.readline(MAX_CHARS):
        yield line
        while len(line) == MAX_CHARS and not line.endswith("\n"):
            line = stream.readline(MAX_CHARS)


# -- formats -----------------------------------------------------------------------------------------------------


def _read_jsonl(path: Path) -> Iterator[Any]:
    """Yield the value of every line that is not blank. A file that holds one list of objects gives its elements."""
    stream = _open_text(path)
    if stream is None:
        yield None
        return
    with stream:
        head = stream.read(SAMPLE)
        stream.seek(0)
        if _LIST_OF_OBJECTS.match(head) or head.lstrip().split("\n", 1)[0].strip() == "{":
            yield from _values(stream)
            return
        for line in _lines(stream):
            if line.strip():
                try:
                    yield load_json(line)
                except (ValueError, RecursionError):
                    yield None


def _read_csv(path: Path) -> Iterator[Any]:
    """Yield the rows of a table with a header, separated by what separates its header into most columns."""
    stream = _open_text(path, newline="")
    if stream is None:
        yield None
        return
    csv.field_size_limit(MAX_CHARS)
    with stream:
        header = stream.read(SAMPLE).lstrip("\r\n").split("\n", 1)[0]
        stream.seek(0)
        delimiter = "\t" if path.suffix.lower() == ".tsv" else max(DELIMITERS, key=lambda d: _columns(header, d))
        reader = csv.DictReader(_lines(stream), delimiter=delimiter)
        while True:
            try:
                row: Any = next(reader)
            except StopIteration:
                return
            except csv.Error:
                row = None
            yield row


def _columns(header: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([header], delimiter=delimiter), []))
    except csv.Error:
        return 0


def _read_json(path: Path) -> Iterator[Any]:
    stream = _open_text(path)
    if stream is None:
        yield None
        return
    with stream:
        yield from _values(stream)


def _values(stream: IO[str]) -> Iterator[Any]:
    """Yield the elements of a list, or successive values, decoded one by one. Text that cannot be decoded ends it."""
    decoder = json.JSONDecoder(parse_constant=lambda _: None)
    try:
        text = stream.read(JSON_CHUNK).lstrip()
        is_list = text.startswith("[")
        position = int(is_list)
        while True:
            begin = _NOT_BETWEEN.search(text, position)
            position = begin.start() if begin else len(text)
            if is_list and text[position : position + 1] == "]":
                if (text[position + 1 :] + stream.read(JSON_CHUNK)).strip():
                    break  # more than one list
                return
            value, end = _decode(decoder, text, position)
            rest = len(text) - position
            # A value at the end of the text may continue after it, as a number can.
            if (end is None or end == len(text)) and rest < MAX_CHARS:
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
    except RecursionError:
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
            for batch in parquet.ParquetFile(stream, pre_buffer=False).iter_batches(BATCH):
                yield from map(json_value, batch.to_pylist())
        except (ValueError, OSError):  # errors of pyarrow for other content
            yield None


def _read_arrow(path: Path) -> Iterator[Any]:
    """Yield the rows of an Arrow file or stream: Feather, or what ``datasets`` saves."""
    from pyarrow import ipc

    with path.open("rb") as stream:
        try:
            is_file = stream.read(6) == b"ARROW1"
            stream.seek(0)
            if is_file:
                file = ipc.open_file(stream)
                batches = (file.get_batch(number) for number in range(file.num_record_batches))
            else:
                batches = iter(ipc.open_stream(stream))
            for batch in batches:
                for start in range(0, batch.num_rows, BATCH):
                    yield from map(json_value, batch.slice(start, BATCH).to_pylist())
        except (ValueError, OSError, KeyError):
            yield None


def _read_excel(path: Path) -> Iterator[Any]:
    """Yield the rows of the first sheet; its first row that is not blank names the columns."""
    from zipfile import BadZipFile

    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, ValueError, KeyError, OSError):
        yield None
        return
    try:
        rows = (row for row in book.worksheets[0].iter_rows(values_only=True) if any(c is not None for c in row))
        names = [None if cell is None else str(cell) for cell in next(rows, ())]
        for row in rows:
            yield {name: json_value(cell) for name, cell in zip(names, row, strict=False) if name is not None}
    finally:
        book.close()


def json_value(value: Any) -> Any:
    """Return a value of PyArrow, openpyxl or ``datasets`` as a JSON value; bytes stay."""
    if isinstance(value, dict):
        return {str(key): json_value(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (datetime.date, datetime.time)):
        # Excel keeps a day as its midnight.
        return value.isoformat().removesuffix("T00:00:00")
    return str(value) if isinstance(value, (decimal.Decimal, datetime.timedelta)) else value


READERS: dict[str, Callable[[Path], Iterator[Any]]] = {
    ".arrow": _read_arrow,
    ".csv": _read_csv,
    ".feather": _read_arrow,
    ".json": _read_json,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".parquet": _read_parquet,
    ".tsv": _read_csv,
    ".xlsx": _read_excel,
}
"""Suffix -> reader."""
