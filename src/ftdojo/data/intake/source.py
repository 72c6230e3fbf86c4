"""Where the rows come from: a file, a folder of files, or a data set of a hub."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ftdojo.contract.task_spec import Record
from ftdojo.errors import PrerequisiteError, UsageError
from ftdojo.extras import install_command
from ftdojo.tasks import raw_files

MAX_BYTES = 2**30
"""Larger sources are refused: all rows are in memory while they are split."""
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_EVALUATION = re.compile(r"(^|[^a-z])(test|eval|evaluation|valid|validation|val|dev)([^a-z]|$)", re.IGNORECASE)
_BOOKKEEPING = {"dataset_info.json", "state.json", "dataset_dict.json"}
"""Files that ``datasets`` writes next to its data."""
_MEDIA = ("Audio", "Image", "Pdf", "Video")
"""Features of ``datasets`` that it decodes unless asked not to."""


@dataclass(slots=True)
class Source:
    """Rows as they were found."""

    files: list[str] = field(default_factory=list)
    rows: list[Record] = field(default_factory=list)
    evaluation: list[Record] = field(default_factory=list)
    """Rows of a split for evaluation, if the source has one."""
    unreadable: int = 0
    """Lines or entries that are no objects."""
    remarks: list[str] = field(default_factory=list)
    """What is unusual about the files, in words."""


def load_source(name: str) -> Source:
    """Read all rows of a file, a folder or a data set of a hub.

    Raises:
        UsageError: if there is no such source, or one that cannot be read.
        PrerequisiteError: if a library is not installed, or the hub cannot be reached.
    """
    path = Path(name)
    if path.is_dir():
        found = _from_folder(path)
    elif path.is_file():
        found = _from_files([path], path.parent)
    elif HUB_ID.fullmatch(name) and path.suffix.lower() not in raw_files.READERS:
        found = _from_hub(name)
    else:
        fix = "check the path; a data set of the hub is named ORG/NAME"
        raise UsageError(f"there is no file or folder '{name}'", fix=fix)
    if not found.rows and not found.evaluation:
        raise UsageError(f"{name} holds no rows that can be read", fix="check the file; its first line may be cut off")
    found.rows, found.evaluation = _opened(found.rows), _opened(found.evaluation)
    columns = list(dict.fromkeys(column for row in (*found.rows, *found.evaluation) for column in row))
    found.rows = [{column: row.get(column) for column in columns} for row in found.rows]
    found.evaluation = [{column: row.get(column) for column in columns} for row in found.evaluation]
    return found


def _opened(rows: list[Record]) -> list[Record]:
    """Return the rows; where each is one object around its columns, as in sets of translations, these objects."""
    inner = [next(iter(row.values())) for row in rows if len(row) == 1]
    return inner if len(inner) == len(rows) and all(isinstance(row, dict) for row in inner) else rows


def _from_folder(folder: Path) -> Source:
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in raw_files.READERS and path.is_file() and path.name not in _BOOKKEEPING
    ]
    if not files:
        known = ", ".join(raw_files.READERS)
        raise UsageError(f"the folder {folder} holds no data file", fix=f"the forms that are read: {known}")
    return _from_files(files, folder)


def _from_files(files: list[Path], folder: Path) -> Source:
    source = Source(files=[path.relative_to(folder).as_posix() for path in files])
    if (size := sum(path.stat().st_size for path in files)) > MAX_BYTES:
        raise UsageError(
            f"{' '.join(source.files)}: {size / 2**30:.1f} GiB is too much for a new task (at most 1 GiB)",
            fix="take a part of it first, such as the first 100,000 rows: a run trains on thousands",
        )
    for path, name in zip(files, source.files, strict=True):
        if path.suffix.lower() not in raw_files.READERS:
            known = ", ".join(raw_files.READERS)
            raise UsageError(f"{path.name} has no known form", fix=f"the forms that are read: {known}")
        if unusual := raw_files.describe_text(path):
            if "NUL" in unusual:
                raise UsageError(f"{path.name} {unusual}", fix="give a file of text, such as CSV in UTF-8")
            source.remarks.append(f"{path.name} {unusual}")
        rows = source.evaluation if len(files) > 1 and _EVALUATION.search(name) else source.rows
        for row in _unwrapped(path):
            if isinstance(row, dict) and None not in row:
                rows.append(row)
            else:
                source.unreadable += 1
    if not source.rows:
        source.rows, source.evaluation = source.evaluation, []
    return source


def _unwrapped(path: Path) -> Iterator[Any]:
    """Yield the rows of a file. Where it is one object around one list of objects, these are the rows."""
    rows = raw_files.read(path)
    if path.suffix.lower() == ".json":
        first, second = next(rows, None), next(rows, None)
        if isinstance(first, dict) and second is None:
            lists = [v for v in first.values() if isinstance(v, list) and v and all(isinstance(r, dict) for r in v)]
            yield from lists[0] if len(lists) == 1 else [first]
            return
        yield from (row for row in (first, second) if row is not None)
    yield from rows


def _from_hub(name: str) -> Source:
    if find_spec("datasets") is None:
        raise PrerequisiteError(
            f"there is no file or folder '{name}', and reading a hub data set needs the library datasets",
            fix=f"check the path, or: {install_command('hub')}",
        )
    import datasets
    from datasets import exceptions
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # every repeated request would be a line
    try:
        found = datasets.load_dataset(name, download_config=datasets.DownloadConfig(max_retries=1))
    except exceptions.DatasetNotFoundError:
        fix = "check the name; a gated set needs a token"
        raise UsageError(f"there is no file or folder '{name}', and no data set of the hub", fix=fix) from None
    except (OSError, ValueError, RuntimeError, exceptions.DatasetsError) as error:
        reason = " ".join(str(error).split())[:200]
        message = f"there is no file or folder '{name}', and a data set of this name cannot be fetched: {reason}"
        raise PrerequisiteError(message, fix="check the path and the network") from None
    source = Source(files=[f"{name}: {split}" for split in found])
    for split, table in found.items():
        rows = source.evaluation if len(found) > 1 and _EVALUATION.search(split) else source.rows
        rows.extend(_with_names(table))
    if not source.rows:
        source.rows, source.evaluation = source.evaluation, []
    return source


def _with_names(table: Any) -> Iterator[Record]:
    """Yield the rows of a set as JSON values, with the names of labels in place of their numbers.

    Pictures and sounds stay bytes, as in files: decoding them takes time and libraries, and fails at a damaged one.
    """
    for name, feature in table.features.items():
        if type(feature).__name__ in _MEDIA:
            table = table.cast_column(name, type(feature)(decode=False))
    named = {name: feature.names for name, feature in table.features.items() if hasattr(feature, "int2str")}
    for row in table:
        labels = {name: names[row[name]] for name, names in named.items() if row[name] is not None and row[name] >= 0}
        # A text that looks like a date is a datetime here.
        yield raw_files.json_value({**row, **dict.fromkeys(named), **labels})
