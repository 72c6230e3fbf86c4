"""Rows of files that strangers wrote, read by :mod:`ftdojo.contract.recipe_program.files`, with findings for people."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ftdojo.contract.recipe_program.files import READERS, find_encoding, json_value, read_file
from ftdojo.errors import InputError, PrerequisiteError
from ftdojo.extras import install_command
from ftdojo.findings import Finding

__all__ = ["READERS", "describe_text", "find_table", "json_value", "read", "read_rows"]

MAX_FINDINGS = 20
_TEXT = (".csv", ".tsv", ".json", ".jsonl", ".ndjson")


def read(path: Path) -> Iterator[Any]:
    """Yield the rows of a file whose suffix is one of :data:`READERS`; one that cannot be read is no object.

    Raises:
        PrerequisiteError: if the library for this format is not installed.
    """
    if path.suffix.lower() == ".xlsx" and find_spec("openpyxl") is None:
        raise PrerequisiteError(f"reading {path.name} needs openpyxl", fix=install_command("excel"))
    return read_file(path)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read the rows of a file of any of the forms.

    Raises:
        InputError: if the file is missing or empty, or naming the rows that are no objects.
    """
    require_file(path)
    rows, findings = [], []
    for number, row in enumerate(read(path), start=1):
        if fault := _fault(row):
            fix = 'write one {"field": value, …} per line in UTF-8, or a table with a header'
            where = f"{path.name}: row {number}"
            findings.append(Finding(code="bad_row", gate=0, message=fault, where=where, fix=fix))
        else:
            rows.append(row)
    if findings:
        raise InputError(findings[:MAX_FINDINGS])
    return rows


def _fault(row: Any) -> str:
    """Return what is wrong with a row, in words; empty if it is an object."""
    if row is None:
        return "is not JSON, or the file has another form than its name says"
    if not isinstance(row, dict):
        return f"is no object, but of type {type(row).__name__}"
    return "has more cells than the header" if None in row else ""


def require_file(path: Path) -> None:
    """Raise an error unless there is such a file.

    Raises:
        InputError: if there is none.
    """
    if not path.is_file():
        finding = Finding(
            code="missing_file", gate=0, message="the file does not exist", where=path.name, fix=f"write {path}"
        )
        raise InputError([finding])


def find_table(folder: Path, stem: str) -> Path:
    """Return the file ``stem`` of a folder in any of the forms; ``stem.jsonl`` if there is none.

    Raises:
        InputError: if there are several.
    """
    found = sorted(folder / f"{stem}{suffix}" for suffix in READERS if (folder / f"{stem}{suffix}").is_file())
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        finding = Finding(
            code="several_files", gate=0, message=f"there are {names}", where=str(folder), fix="keep one of them"
        )
        raise InputError([finding])
    return found[0] if found else folder / f"{stem}.jsonl"


def describe_text(path: Path) -> str:
    """Return what is unusual about the text of a file, in words; empty if nothing is."""
    if path.suffix.lower() not in _TEXT:
        return ""
    return {
        None: "is no text: it holds NUL bytes",
        "utf-8": "",
        "utf-8-sig": "",
        "cp1252": "holds bytes that are not UTF-8; they are read as Windows-1252 (Latin-1)",
    }.get(find_encoding(path), "is UTF-16, and is read as such")
