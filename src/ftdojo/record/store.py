"""The content-addressed store: a stage is a folder named by the digest of everything that it depends on.

A stage is built in a temporary folder, its manifest is written last, and the folder is moved into place in one step.
So a stage that exists is complete, and a process that dies in the middle leaves nothing that could be believed.
Two processes that want the same stage take turns; the second finds it made.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from ftdojo.record import digest
from ftdojo.record.disk import disk_errors

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A finished stage."""

    path: Path
    digest: str
    seconds: float
    """What it took to make, whether now or in an earlier run."""
    facts: dict[str, Any]
    """What the builder returned: JSON values that describe the files."""
    reused: bool
    """Whether it was found rather than made now."""


class Store:
    """Stages below one root folder, laid out as ``kind/digest/``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, kind: str, key: dict[str, Any]) -> Stage | None:
        """The stage of this kind and key, if it was made before."""
        name = digest.of_value(key)
        path = self.root / kind / name
        try:
            manifest = json.loads((path / MANIFEST).read_text("utf-8"))
        except FileNotFoundError:
            return None
        return Stage(path=path, digest=name, seconds=manifest["seconds"], facts=manifest["facts"], reused=True)

    def make(
        self,
        kind: str,
        key: dict[str, Any],
        build: Callable[[Path], dict[str, Any]],
        *,
        spent_s: float = 0.0,
        resumable: bool = False,
    ) -> Stage:
        """The stage of this kind and key; ``build`` fills the empty folder that it is given if there is none yet.

        ``spent_s`` is what was spent on it before, and counts as part of its making. Whatever ``build`` raises is
        passed on and nothing is kept; unless it is ``resumable``: then its folder is kept, also by a process that dies,
        and the next ``build`` finds in it what the one before had written.
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
        resumable: bool,
    ) -> Stage:
        final = self.root / kind / name
        # The lock is ours, so any temporary folder of this stage belongs to a process that died.
        for leftover in final.parent.glob(f".{name}.tmp-*"):
            shutil.rmtree(leftover)
        if resumable:
            temporary = final.with_name(f".{name}.begun")
            temporary.mkdir(exist_ok=True)
        else:
            temporary = Path(tempfile.mkdtemp(prefix=f".{name}.tmp-", dir=final.parent))
        try:
            begun = time.monotonic()
            facts = build(temporary)
            seconds = spent_s + time.monotonic() - begun
            manifest = {"kind": kind, "key": key, "seconds": seconds, "facts": facts}
            (temporary / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1), "utf-8")
            temporary.rename(final)
        finally:
            if not resumable:
                shutil.rmtree(temporary, ignore_errors=True)
        return Stage(path=final, digest=name, seconds=seconds, facts=facts, reused=False)
