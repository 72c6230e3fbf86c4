"""The profile of the raw data that agents are shown."""

from __future__ import annotations

from ftdojo.schema import StrictModel


class FieldProfile(StrictModel):
    """One field over all rows of a file. Lengths are of text, or of a value's JSON, where the field is not missing."""

    name: str
    types: dict[str, int]
    """JSON type -> number of rows."""
    missing_share: float
    """Rows in which it is absent, null or blank, 0 to 1."""
    chars_p50: int
    chars_p95: int
    broken_json_share: float | None
    """For text fields that mostly look like JSON: the share that does not parse; else ``None``."""
    tokens_p50: int | None = None
    """Over the rows in which tokens were counted; ``None`` if they were not counted."""
    tokens_p95: int | None = None
    labels: dict[str, int] | None = None
    """Value -> number of rows, most frequent first, for fields with few short values; else ``None``."""


class FileProfile(StrictModel):
    """One raw file."""

    path: str
    rows: int
    malformed_rows: int
    """Rows that are not objects. A file that is cut off, or whose format does not match its name, counts as one."""
    fields: list[FieldProfile]
    """The first ``MAX_FIELDS``."""
    samples: list[str]
    """The first rows as JSON text, cut to a bounded length."""
    token_rows: int = 0
    """Number of rows, evenly spaced, in which tokens were counted; 0 if they were not counted."""
    fields_left_out: int = 0


class DataProfile(StrictModel):
    """All raw files of a task."""

    files: list[FileProfile]
