"""Prepared task data: raw files for agents, validation items for the environment, sealed test items.

A prepared task is a stage of the store, so it is complete if it exists, and it is named by its content. Test items go
to a separate folder that only their owner may read; only the grader opens it. Training rows are checked against an
index of hashes, which is made here once, as is the profile of the raw files.
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
from ftdojo.data.copies import build_index, find_copies
from ftdojo.data.fetch import identity, locate
from ftdojo.data.overlap import VERSION as OVERLAP_VERSION
from ftdojo.data.overlap import OverlapIndex
from ftdojo.data.profile import Count, profile
from ftdojo.record import Home, Stage, Store
from ftdojo.tasks.spec import Sources, Task

SEALED = "sealed"
OVERLAP = "overlap.json"
EARLIER_OVERLAP = (2, 3)
"""Versions of the index in data that earlier builds prepared: it is made again from the items."""
PROFILE_VERSION = 3
"""Increase it when the same data gets another profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskData:
    """Paths and digests of the data of a prepared task."""

    raw: Path
    validation: Path
    sealed_test: Path
    overlap: OverlapIndex
    """Index of the prompts of validation and test."""
    copies: tuple[str, ...]
    """Of a user's own task, what its owner should know about raw rows that contain an evaluation item."""
    digests: dict[str, str]
    """Content digests of ``raw``, ``validation`` and ``test``."""


def require(task: Task, variant: str, home: Home) -> None:
    """Check that the published data sets of a task's variant are on this machine.

    Raises:
        PrerequisiteError: naming all that are missing or damaged, and the command that downloads them.
    """
    locate(task.variants[variant].sets, home, command=_command(task, variant))


def prepare(task: Task, variant: str, home: Home) -> TaskData:
    """Return the data of a task's variant; build it if it does not exist yet. Nothing is downloaded.

    Raises:
        PrerequisiteError: if a published data set that it is built from is not on this machine.
        InputError: if a file of such a data set does not have its publisher's form.
    """
    task = task.for_data
    sources = locate(task.variants[variant].sets, home, command=_command(task, variant))

    def build(folder: Path) -> dict[str, Any]:
        task.variants[variant].build(folder, sources)
        _open_to_sandbox(folder / "raw")
        sealed = folder / SEALED
        sealed.mkdir(mode=0o700)
        (folder / "test.jsonl").rename(sealed / "test.jsonl")
        items = read_items(folder / "validation.jsonl") + read_items(sealed / "test.jsonl")
        index = build_index(task, folder / "raw", items)
        (folder / OVERLAP).write_text(json.dumps(index.to_json()), "utf-8")
        own = variant == "folder"
        return {
            "copies": [found.message for found in find_copies(task, folder / "raw", index)] if own else [],
            "raw": digest.of_folder(folder / "raw"),
            "validation": digest.of_file(folder / "validation.jsonl"),
            "test": digest.of_file(sealed / "test.jsonl"),
        }

    return _data(task, Store(home.data).make(_kind(task), _key(task, variant, sources, home), build))


def find(task: Task, variant: str, home: Home) -> TaskData | None:
    """Return the data of a task's variant if it was prepared here before and is unchanged. Nothing is written.

    Raises:
        PrerequisiteError: if a published data set that it is built from is not on this machine.
    """
    task = task.for_data
    sources = locate(task.variants[variant].sets, home, command=_command(task, variant))
    for overlap in (OVERLAP_VERSION, *EARLIER_OVERLAP):
        stage = Store(home.data).find(_kind(task), _key(task, variant, sources, home) | {"overlap": overlap})
        if stage:
            return _data(task, stage)
    return None


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


def _data(task: Task, stage: Stage) -> TaskData:
    if "copies" in stage.facts:
        index = OverlapIndex.from_json(json.loads((stage.path / OVERLAP).read_text("utf-8")))
    else:
        items = read_items(stage.path / "validation.jsonl") + read_items(stage.path / SEALED / "test.jsonl")
        index = build_index(task, stage.path / "raw", items)
    return TaskData(
        raw=stage.path / "raw",
        validation=stage.path / "validation.jsonl",
        sealed_test=stage.path / SEALED / "test.jsonl",
        overlap=index,
        copies=tuple(stage.facts.get("copies", ())),
        digests={name: str(stage.facts[name]) for name in ("raw", "validation", "test")},
    )


def _open_to_sandbox(folder: Path) -> None:
    """Make a folder readable for the unprivileged user of a sandbox, whatever the caller's umask is."""
    for path in (folder, *folder.rglob("*")):
        needed, known = 0o555 if path.is_dir() else 0o444, path.stat()
        if known.st_mode & needed == needed:
            continue
        if path.is_file() and known.st_nlink > 1:  # a mirror's file, whose permissions only its owner should change
            copy = path.with_name(f".{path.name}")
            shutil.copyfile(path, copy)
            copy.replace(path)
        path.chmod(0o755 if path.is_dir() else 0o644)


def profiled(data: TaskData, home: Home, *, count: Count | None = None, tokenizer: str = "") -> DataProfile:
    """Return the profile of a prepared task's raw files; it is made once.

    Args:
        count: counts tokens; without it, lengths are in characters only.
        tokenizer: a digest of the tokenizer that ``count`` uses.
    """
    key = {"raw": data.digests["raw"], "tokenizer": tokenizer, "version": PROFILE_VERSION}
    stage = Store(home.stages).make("profiles", key, lambda _: profile(data.raw, count).model_dump(mode="json"))
    return DataProfile.model_validate(stage.facts)


def read_items(path: Path) -> list[Record]:
    """Read the items of a JSON-lines file."""
    with path.open(encoding="utf-8") as stream:
        return [json.loads(line) for line in stream if line.strip()]
