"""The files of a stage of rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ftdojo.contract.row import Row
from ftdojo.data import read_items
from ftdojo.record import Stage
from ftdojo.training import Trainer

ROWS = "rows.jsonl"
"""The rows that are trained on."""
WRITTEN = "written.jsonl"
"""The rows as they were written, where these differ."""


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """One JSON object a line, as the data program wrote it."""
    path.write_text("".join(json.dumps(row.source, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def read_rows(stage: Stage, name: str, trainer: Trainer[Any, Any]) -> list[Row]:
    """The rows of a stage; ``WRITTEN`` are those that are trained on, unless they differ."""
    path = stage.path / name
    return [trainer.parse_row(row) for row in read_items(path if path.exists() else stage.path / ROWS)]
