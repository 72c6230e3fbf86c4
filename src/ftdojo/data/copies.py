"""Evaluation items among the raw rows of a task: the index that finds them, and what its owner is shown."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ftdojo.contract.task_spec import Record
from ftdojo.data.overlap import OverlapIndex
from ftdojo.findings import Finding
from ftdojo.tasks import raw_files
from ftdojo.tasks.check import training_pairs
from ftdojo.tasks.spec import Task

MOST_ROWS = 100_000
"""Raw rows from which the documents that items share with them are known."""
SHOWN_CHARS = 80


def build_index(task: Task, raw: Path, items: Sequence[Record]) -> OverlapIndex:
    """Make the index of evaluation items, given the folder of the task's raw files."""
    texts = (list(_strings(row)) for row in itertools.islice(_rows(raw), MOST_ROWS))
    return OverlapIndex.from_texts(map(task.question, items), texts)


def find_copies(task: Task, raw: Path, index: OverlapIndex) -> Iterator[Finding]:
    """Yield a warning for every raw file that gives rows with an evaluation item.

    Several renderings of a file give rows with the same prompts: one that has no others is not named again.
    """
    for source in task.spec.raw_sources:
        if not (raw / source.path).is_file():
            continue
        rows = [row for row in raw_files.read(raw / source.path) if isinstance(row, dict)]
        named: set[str] = set()
        for rendering in source.renderings:
            pairs = training_pairs(rendering, rows)
            found = [pair for pair, items in zip(pairs, index.find(pairs), strict=True) if items]
            prompts = {prompt for prompt, _ in found}
            if not prompts <= named:
                named |= prompts
                message = (
                    f"{len(found)} of {len(pairs)} training rows ({rendering.name}) contain an evaluation item, "
                    f"e.g. {found[0][0][-SHOWN_CHARS:]!r}: a run shuffles their words before it trains on them"
                )
                yield Finding(
                    code="items_in_training",
                    severity="warning",
                    message=message,
                    where=source.path,
                    fix="remove those rows from the training data or from the evaluation data",
                )


def _rows(raw: Path) -> Iterator[Any]:
    for path in sorted(raw.rglob("*")):
        if path.suffix.lower() in raw_files.READERS and path.is_file():
            yield from raw_files.read(path)


def _strings(value: Any) -> Iterator[str]:
    """Yield every text in a row, at any depth."""
    stack = [value]
    while stack:
        inner = stack.pop()
        if isinstance(inner, str):
            yield inner
        elif isinstance(inner, dict):
            stack.extend(reversed(inner.values()))
        elif isinstance(inner, list):
            stack.extend(reversed(inner))
