"""The runs and contests below a folder, with the state of each."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ftdojo.bench import is_suite
from ftdojo.contract.result import TRIVIAL_NAMES
from ftdojo.errors import FtdojoError
from ftdojo.record import RunFolder
from ftdojo.record.run_folder import FOLDERS
from ftdojo.record.state import RunState, Signature, read_new
from ftdojo.report import text

LEVELS = 6
"""How deep runs are looked for: the runs of a contest lie five levels below its folder."""
CONTEST = "contest"
"""The state of a contest."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A run as a list shows it."""

    folder: str
    state: str
    """running, interrupted, contest, unreadable, or the outcome of a finished run."""
    task: str = ""
    agent: str = ""
    iterations: int = 0
    best: int = 0
    validation: str = ""
    """The score of the best iteration."""
    last: str = ""
    """When the last event was recorded: UTC, ISO 8601."""
    model: str = ""
    baseline: str = ""
    """The score of the base model on validation."""
    without_training: str = ""
    """What answers without any training score on validation."""
    budget: str = ""
    """The wall time that was used, and its limit."""


def find_runs(folder: Path) -> Iterator[Path]:
    """Yield the folders with a ledger at most :data:`LEVELS` below a folder, itself included; no link is followed."""
    waiting = [(folder, 0)]
    while waiting:
        here, level = waiting.pop()
        is_run = RunFolder(here).ledger.is_file()
        if is_run:
            yield here
        if level < LEVELS:
            with contextlib.suppress(OSError):  # a folder of somebody else, or one that was removed meanwhile
                waiting += [
                    (path, level + 1)
                    for path in here.iterdir()
                    if path.is_dir() and not path.is_symlink() and not (is_run and path.name in FOLDERS)
                ]


class FollowedRun:
    """A run or a contest of a list: it reads what is new in its ledger, and keeps only its state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._turn = threading.Lock()
        self._seen: Signature | None = None
        self._state = RunState()
        self._contest = False
        self._unreadable = ""

    def read(self) -> Listed:
        """Return the run as it is now."""
        with self._turn:
            signature = Signature.of(self.folder)
            if self._seen and signature.file != self._seen.file:
                self._state = RunState()
            if signature != self._seen:
                try:
                    self._update()
                    self._unreadable = ""
                except FtdojoError as error:
                    self._unreadable = f"unreadable: {error.message}"
                self._seen = signature
            return self._list()

    def _update(self) -> None:
        if not self._state.seq:
            self._contest = is_suite(self.folder)
        while not self._contest and (new := read_new(self.folder, self._state.seq)):
            for recorded in new:
                self._state.take(recorded)

    def _list(self) -> Listed:
        if self._unreadable or self._contest:
            return Listed(str(self.folder), self._unreadable or CONTEST)
        now = self._state
        identity = now.begun.configuration if now.begun else None
        limit = now.limits.get("wall_s")
        used = text.duration(now.spent.wall_s)
        items = now.baseline.n if now.baseline else None
        return Listed(
            folder=str(self.folder),
            state=now.name_state(self.folder),
            task=identity.task if identity else "",
            agent=identity.agent if identity else "",
            iterations=now.iterations,
            best=now.best,
            validation=str(now.best_score) if now.best_score else "",
            last=now.last_time,
            model=identity.model if identity else "",
            baseline=str(now.baseline) if now.baseline else "",
            without_training="; ".join(
                f"{TRIVIAL_NAMES[name]} {text.score_of(score, items)}"
                for name, score in (now.trivial.distinct.items() if now.trivial else ())
            ),
            budget=used if limit is None else f"{used} of {text.duration(limit)}",
        )
