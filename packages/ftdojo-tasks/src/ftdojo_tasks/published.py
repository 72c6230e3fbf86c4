"""Published data sets: reading their files, the reference's split of a view, and the copy that agents may read.

A file that is missing or of another form than its publisher's is an :class:`~ftdojo.errors.InputError` that names the
file and the row: a truncated download must not become a smaller benchmark.
"""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.tasks.rows import MAX_FINDINGS

LARGEST_PART = 100
SHUFFLE_SEED = 42

Row = dict[str, Any]


def read_json_list(path: Path) -> list[Row]:
    """A file that holds one JSON list of objects.

    Raises:
        InputError: if it does not.
    """
    try:
        rows = json.loads(_existing(path).read_bytes())
    except (ValueError, RecursionError) as error:
        raise fault("bad_file", path.name, f"is no JSON in UTF-8: {error}") from None
    if not isinstance(rows, list):
        raise fault("bad_file", path.name, "is not one JSON list")
    if bad := [number for number, row in enumerate(rows, start=1) if not isinstance(row, dict)]:
        raise bad_rows(path.name, bad, "is not a JSON object")
    return rows


def read_parquet(path: Path) -> list[Row]:
    """The rows of a parquet file, nested columns as lists and dicts.

    Raises:
        InputError: if it is none.
    """
    from pyarrow import parquet

    try:
        return list(parquet.read_table(_existing(path)).to_pylist())
    except ValueError as error:  # that of pyarrow for other content
        raise fault("bad_file", path.name, f"is no parquet file: {error}") from None


def shuffled(rows: Sequence[Row]) -> list[Row]:
    """The rows in the order of Hugging Face ``Dataset.shuffle(seed=42)``."""
    import numpy as np

    return [rows[i] for i in np.random.default_rng(SHUFFLE_SEED).permutation(len(rows))]


def split(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Validation and test of one view: its first and its last ``min(100, n // 2)`` rows, the reference's ranges.

    Of an odd number below 200 the middle row is in neither.
    """
    size = min(LARGEST_PART, len(rows) // 2)
    return list(rows[:size]), list(rows[len(rows) - size :])


def distinct(rows: Iterable[Row], key: Callable[[Row], Hashable], seen: Iterable[Hashable] = ()) -> list[Row]:
    """The rows whose key is not in ``seen``, the first of each key."""
    known = set(seen)
    kept = []
    for row in rows:
        if key(row) not in known:
            known.add(key(row))
            kept.append(row)
    return kept


def link(source: Path, target: Path) -> None:
    """A hard link where the file system allows one, else a copy; parents are made. Symbolic links are followed first.

    Raises:
        InputError: if there is no such file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    source = _existing(source).resolve()
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def known_flaws(file: Path) -> dict[str, str]:
    """Published id of an item that its publisher got wrong -> the reason; from a family's ``flaws.toml``."""
    groups = tomllib.loads(file.read_text("utf-8"))["flaws"]
    return {name: group["reason"] for group in groups for name in group["ids"]}


def bad_rows(file: str, numbers: Iterable[int], message: str) -> InputError:
    """The error for rows (from 1) of another form than the publisher's."""
    where = [f"{file}: row {number}" for number in numbers][:MAX_FINDINGS]
    return InputError([_finding("bad_row", place, message, "fetch the file again") for place in where])


def fault(code: str, where: str, message: str, fix: str = "fetch the file again") -> InputError:
    """The error for one fault of a file."""
    return InputError([_finding(code, where, message, fix)])


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise fault("missing_file", path.name, "the file does not exist", f"fetch it to {path}")
    return path


def _finding(code: str, where: str, message: str, fix: str) -> Finding:
    return Finding(code=code, gate=0, message=message, where=where, fix=fix)
