"""Prepared task data: raw files for agents, validation items for the environment, test items sealed.

A prepared task is a stage of the store, so it is complete if it exists, and it is named by its content. Test items go
to a folder of their own that only their owner may read; no code but the grader opens it. What training rows are
checked against is an index of hashes, made here once. So is the profile of the raw files.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ftdojo import digest
from ftdojo.contract.data_profile import DataProfile
from ftdojo.contract.task_spec import Record
from ftdojo.data.fetch import identity, locate
from ftdojo.data.overlap import VERSION as OVERLAP_VERSION
from ftdojo.data.overlap import OverlapIndex
from ftdojo.data.profile import Count, profile
from ftdojo.record import Home, Stage, Store
from ftdojo.tasks.spec import Sources, Task

SEALED = "sealed"
OVERLAP = "overlap.json"
PROFILE_VERSION = 2
"""Raised when profiles of the same data come out differently."""


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
    """The data of a task's variant, built if it is not there yet. Nothing is downloaded.

    Raises:
        PrerequisiteError: if a published data set that it is built from is not on this machine.
        InputError: if a file of one is of another form than its publisher's.
    """
    sources = locate(task.variants[variant].sets, home, command=_command(task, variant))

    def build(folder: Path) -> dict[str, Any]:
        task.variants[variant].build(folder, sources)
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

    return _data(Store(home.data).make(_kind(task), _key(task, variant, sources, home), build))


def find(task: Task, variant: str, home: Home) -> TaskData | None:
    """The data of a task's variant if it was prepared here before and is as it was made. Nothing is written.

    Raises:
        PrerequisiteError: if a published data set that it is built from is not on this machine.
    """
    sources = locate(task.variants[variant].sets, home, command=_command(task, variant))
    stage = Store(home.data).find(_kind(task), _key(task, variant, sources, home))
    return _data(stage) if stage else None


def _command(task: Task, variant: str) -> str:
    return f"ftdojo data prepare {task.spec.id} --variant {variant}"


def _kind(task: Task) -> str:
    return task.spec.id.replace("/", "__")


def _key(task: Task, variant: str, sources: Sources, home: Home) -> dict[str, Any]:
    return {
        "task": task.spec.id,
        "variant": variant,
        "version": task.version,
        "overlap": OVERLAP_VERSION,
        "sources": [[s.id, s.revision, identity(s, sources[s.id], home)] for s in task.variants[variant].sets],
    }


def _data(stage: Stage) -> TaskData:
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
        needed, known = 0o555 if path.is_dir() else 0o444, path.stat()
        if known.st_mode & needed == needed:
            continue
        if path.is_file() and known.st_nlink > 1:  # the file of a mirror, whose permissions are its owner's matter
            copy = path.with_name(f".{path.name}")
            shutil.copyfile(path, copy)
            copy.replace(path)
        path.chmod(0o755 if path.is_dir() else 0o644)


def profiled(data: TaskData, home: Home, *, count: Count | None = None, tokenizer: str = "") -> DataProfile:
    """The profile of a prepared task's raw files, made once.

    Args:
        count: counts tokens; without it, lengths are in characters only.
        tokenizer: a digest of what ``count`` counts with.
    """
    key = {"raw": data.digests["raw"], "tokenizer": tokenizer, "version": PROFILE_VERSION}
    stage = Store(home.stages).make("profiles", key, lambda _: profile(data.raw, count).model_dump(mode="json"))
    return DataProfile.model_validate(stage.facts)


def read_items(path: Path) -> list[Record]:
    """The items of a JSON-lines file."""
    with path.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream if line.strip()]
