"""The content-addressed store: a stage is a folder named by the digest of everything that it depends on.

A stage is built in a temporary folder, its manifest is written last, and the folder is moved into place in one step.
So a stage that exists is complete, and a process that dies in the middle leaves nothing that looks like a stage.
Two processes that need the same stage take turns; the second one finds it finished.

The manifest holds a digest of every file. A stage whose files do not match its manifest, because the disk damaged
them or someone changed them, is not used: it is made again.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from ftdojo import digest
from ftdojo.disk import disk_errors
from ftdojo.files import make_private, write_file
from ftdojo.schema import NotRegularError, read_regular

MANIFEST = "manifest.json"
MAX_MANIFEST_BYTES = 256 * 2**20
JOURNAL = "journal.jsonl"
"""The saved progress of a stage that can be resumed. Not part of the stage, and deleted when the stage is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A finished stage."""

    path: Path
    digest: str
    seconds: float
    """Seconds that it took to make, now or in an earlier run."""
    earlier_s: float
    """The part of ``seconds`` before this call: all of it if the stage was found, else what an interrupted process had
    spent on the saved progress."""
    facts: dict[str, Any]
    """The return value of the builder: JSON values that describe the files."""
    content: str
    """The digest of the files; empty for a stage that was made before manifests held them."""
    reused: bool
    """Whether it was found rather than made now."""


class Store:
    """Stages below one root folder, laid out as ``kind/digest/``."""

    def __init__(self, root: Path, *, checked: bool = True) -> None:
        """``checked=False``: do not compare files with the manifest. For stages that are too
        large to be read on every start, and whose user has its own checks."""
        self.root = root
        self._checked = checked
        self._compared: dict[Path, dict[str, tuple[int, int]]] = {}
        """Stages that matched their manifest -> size and time of their files at that time."""

    def find(self, kind: str, key: dict[str, Any]) -> Stage | None:
        """Return the stage of this kind and key, if it was made before and is unchanged.

        Raises:
            InfrastructureError: if another user made it: only that user can read it, as stages can hold test outputs.
        """
        with disk_errors(self.root):
            return self._find(kind, key)

    def _find(self, kind: str, key: dict[str, Any]) -> Stage | None:
        name = digest.of_value(key)
        path = self.root / kind / name
        manifest = None if path.is_symlink() else _manifest(path)
        if manifest is None or (manifest.files is not None and self._checked and self._faults(path, manifest.files)):
            return None
        return Stage(
            path=path,
            digest=name,
            seconds=manifest.seconds,
            earlier_s=manifest.seconds,
            facts=manifest.facts,
            content="" if manifest.files is None else digest.of_value(manifest.files),
            reused=True,
        )

    def make(
        self,
        kind: str,
        key: dict[str, Any],
        build: Callable[[Path], dict[str, Any]],
        *,
        spent_s: float = 0.0,
        resumable: Callable[[Path], float] | None = None,
    ) -> Stage:
        """Return the stage of this kind and key. If there is none yet, ``build`` fills an empty folder.

        ``spent_s`` are seconds spent on it before; they count as part of its cost. Exceptions of ``build`` are passed
        on, and nothing is kept, unless the stage is ``resumable``: then its folder is kept, even if the process dies,
        and the next ``build`` finds the files of the one before. It continues from the file :data:`JOURNAL`;
        ``resumable`` returns the seconds that were spent on the content of a journal.
        """
        found = self.find(kind, key)
        if found is not None:
            return found
        name = digest.of_value(key)
        with disk_errors(self.root):
            (self.root / kind).mkdir(parents=True, exist_ok=True)
            with FileLock(self.root / kind / f".{name}.lock"):
                return self.find(kind, key) or self._build(kind, name, key, build, spent_s, resumable)

    def _build(
        self,
        kind: str,
        name: str,
        key: dict[str, Any],
        build: Callable[[Path], dict[str, Any]],
        spent_s: float,
        resumable: Callable[[Path], float] | None,
    ) -> Stage:
        final = self.root / kind / name
        # The lock is ours, so any temporary folder of this stage belongs to a process that died.
        for leftover in final.parent.glob(f".{name}.tmp-*"):
            shutil.rmtree(leftover)
        if resumable:
            temporary = final.with_name(f".{name}.begun")
            make_private(temporary)
        else:
            temporary = Path(tempfile.mkdtemp(prefix=f".{name}.tmp-", dir=final.parent))
        try:
            earlier_s = resumable(temporary / JOURNAL) if resumable else 0.0
            begun = time.monotonic()
            facts = build(temporary)
            seconds = earlier_s + spent_s + time.monotonic() - begun
            files = describe(temporary)
            manifest = {"kind": kind, "key": key, "seconds": seconds, "facts": facts, "files": files}
            write_file(temporary / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
            _sync_folder(temporary)
            if final.is_symlink():
                final.unlink()
            elif final.is_dir():  # but it does not match its manifest
                shutil.rmtree(final)
            temporary.rename(final)
            _sync(final.parent)
            (final / JOURNAL).unlink(missing_ok=True)  # not earlier: a process that dies before can still be resumed
        finally:
            if not resumable:
                shutil.rmtree(temporary, ignore_errors=True)
        return Stage(
            path=final,
            digest=name,
            seconds=seconds,
            earlier_s=earlier_s,
            facts=facts,
            content=digest.of_value(files),
            reused=False,
        )

    def _faults(self, path: Path, files: Files) -> list[str]:
        """Return the faults of a stage's files. Contents that were compared once are not read again while sizes and
        times of the files are unchanged."""
        signature = {name: ((s := (path / name).stat()).st_size, s.st_mtime_ns) for name in _list_files(path)}
        if self._compared.get(path) == signature:
            return []
        found = faults(path, files)
        if not found:
            self._compared[path] = signature
        return found


Files = dict[str, dict[str, Any]]
"""Name below the stage's folder -> ``size`` in bytes and ``digest``."""


@dataclass(frozen=True, slots=True)
class _Manifest:
    seconds: float
    facts: dict[str, Any]
    files: Files | None
    """``None`` in stages of a version that did not describe them."""


def _manifest(folder: Path) -> _Manifest | None:
    """Read the manifest of a stage; ``None`` if there is none, or if it is damaged."""
    try:
        content = json.loads(read_regular(folder / MANIFEST, MAX_MANIFEST_BYTES))
        files = content.get("files")
        if files is not None:
            files = {str(name): {"size": int(f["size"]), "digest": str(f["digest"])} for name, f in files.items()}
        return _Manifest(float(content["seconds"]), dict(content["facts"]), files)
    except (FileNotFoundError, NotADirectoryError, NotRegularError):
        return None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def describe(folder: Path) -> Files:
    """Describe all files of a stage except its manifest and journal."""
    return {
        name: {"size": (folder / name).stat().st_size, "digest": digest.of_file(folder / name)}
        for name in _list_files(folder)
    }


def faults(folder: Path, files: Files) -> list[str]:
    """Return how the files of a stage differ from its manifest."""
    found = [f"{name} was not there when it was made" for name in _list_files(folder) if name not in files]
    for name, known in files.items():
        path = folder / name
        if path.is_symlink():
            found.append(f"{name} is a link")
        elif not path.is_file():
            found.append(f"{name} is missing")
        elif (status := path.stat()).st_size != known["size"]:
            found.append(f"{name} has {status.st_size:,} bytes instead of {known['size']:,}")
        elif digest.of_file(path) != known["digest"]:
            found.append(f"{name} was changed after it was made")
    return found


def _list_files(folder: Path) -> list[str]:
    excluded = {folder / MANIFEST, folder / JOURNAL}
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p not in excluded)


def _sync_folder(folder: Path) -> None:
    """Sync files first, then their folders: after a power failure a stage that has its name also has its files."""
    for path in (*folder.rglob("*"), folder):
        if not path.is_symlink():
            _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
