"""Reading and writing JSON lines: evaluation items, and the rows of a user's own files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ftdojo.contract.row import SURROGATE
from ftdojo.contract.task_spec import Record
from ftdojo.errors import InputError
from ftdojo.findings import Finding

MAX_FINDINGS = 20


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Read the rows of a JSON-lines file; blank lines are skipped.

    Raises:
        InputError: if the file is missing, or naming the lines that are no JSON object.
    """
    rows, findings = [], []
    for line, row in scan_jsonl(path):
        if isinstance(row, dict):
            rows.append(row)
        else:
            findings.append(
                Finding(
                    code="bad_row",
                    gate=0,
                    message="is not a JSON object in UTF-8",
                    where=f"{path.name}: line {line}",
                    fix='write one {"field": value, …} per line',
                )
            )
    if findings:
        raise InputError(findings[:MAX_FINDINGS])
    return rows


def scan_jsonl(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield line number and value of every line that is not blank; ``None`` for a line that cannot be parsed.

    Raises:
        InputError: if there is no such file.
    """
    if not path.is_file():
        finding = Finding(
            code="missing_file", gate=0, message="the file does not exist", where=path.name, fix=f"write {path}"
        )
        raise InputError([finding])
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                try:
                    yield number, json.loads(line)
                except (ValueError, RecursionError):
                    yield number, None


def has_half_character(value: Any) -> bool:
    """Return whether a JSON value contains a lone surrogate: no tokenizer or model takes text with one."""
    return SURROGATE.search(json.dumps(value, ensure_ascii=False)) is not None


def write_jsonl(path: Path, rows: Iterable[Record]) -> None:
    """Write one row per line, as UTF-8 without escaping characters, except half ones (lone surrogates)."""
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
