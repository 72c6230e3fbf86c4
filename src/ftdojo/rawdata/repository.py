"""Prepared task data: raw files for agents, validation items for the environment, test items sealed.

A prepared task is a stage of the store, so it is complete if it exists, and it is named by its content. Test items go
to a folder of their own that only their owner may read; no code but the grader opens it. What training rows are
checked against is an index of hashes, made here once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftdojo.rawdata.overlap import OverlapIndex
from ftdojo.record import Home, Store, digest
from ftdojo.tasks.spec import Record, Task

SEALED = "sealed"
OVERLAP = "overlap.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskData:
    """Where the data of a prepared task lies."""

    raw: Path
    validation: Path
    sealed_test: Path
    overlap: OverlapIndex
    """Of the prompts of validation and test."""
    digests: dict[str, str]
    """Content digests of ``raw``, ``validation`` and ``test``."""


def prepare(task: Task, variant: str, home: Home) -> TaskData:
    """The data of a task's variant, built if it is not there yet."""

    def build(folder: Path) -> dict[str, Any]:
        task.variants[variant].build(folder, {})
        _open_to_sandbox(folder / "raw")
        sealed = folder / SEALED
        sealed.mkdir(mode=0o700)
        (folder / "test.jsonl").rename(sealed / "test.jsonl")
        items = read_items(folder / "validation.jsonl") + read_items(sealed / "test.jsonl")
        (folder / OVERLAP).write_text(json.dumps(OverlapIndex.of(map(task.question, items)).to_json()), "utf-8")
        return {
            "raw": digest.of_folder(folder / "raw"),
            "validation": digest.of_file(folder / "validation.jsonl"),
            "test": digest.of_file(sealed / "test.jsonl"),
        }

    key = {"task": task.spec.id, "variant": variant, "version": task.version}
    stage = Store(home.data).make(task.spec.id.replace("/", "__"), key, build)
    return TaskData(
        raw=stage.path / "raw",
        validation=stage.path / "validation.jsonl",
        sealed_test=stage.path / SEALED / "test.jsonl",
        overlap=OverlapIndex.from_json(json.loads((stage.path / OVERLAP).read_text("utf-8"))),
        digests={name: str(stage.facts[name]) for name in ("raw", "validation", "test")},
    )


def _open_to_sandbox(folder: Path) -> None:
    """Let the unprivileged user of a sandbox read a folder, whatever the caller's umask is."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def read_items(path: Path) -> list[Record]:
    """The items of a JSON-lines file."""
    with path.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream if line.strip()]
