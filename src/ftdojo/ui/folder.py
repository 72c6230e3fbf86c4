"""The runs and contests below the folder that is shown. A name in an address is looked up, never made into a path."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ftdojo.errors import UsageError
from ftdojo.record import RunFolder
from ftdojo.report.listing import CONTEST, FollowedRun, Listed, find_runs
from ftdojo.ui.watched import Watched

SCAN_S = 2.0
"""Seconds for which the list of folders is kept."""
WATCHED = 8
"""Runs whose page is kept; the one that was not asked for the longest goes first."""


@dataclass(frozen=True, slots=True)
class Named:
    """A run or a contest of the list."""

    id: str
    """In addresses: from the digest of its place."""
    place: str
    """Relative to the folder that is shown."""
    about: Listed

    @property
    def folder(self) -> Path:
        """Where it is."""
        return Path(self.about.folder)

    @property
    def page(self) -> Path:
        """The file that can be written: the leaderboard of a contest, the report of a run."""
        files = RunFolder(self.folder)
        return files.leaderboard if self.is_contest else files.report

    @property
    def written(self) -> str:
        """The address of the folder for what is written in it; pages there link to each other by their places."""
        return f"/written/{'' if self.place == '.' else quote(os.fsencode(self.place)) + '/'}"

    @property
    def is_contest(self) -> bool:
        """Whether it is a contest."""
        return self.about.state == CONTEST


class Folder:
    """What is below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._turn = threading.Lock()
        self._scanned = float("-inf")
        self._runs: dict[str, FollowedRun] = {}
        self._watched: OrderedDict[str, Watched] = OrderedDict()

    def list_runs(self) -> list[Named]:
        """Return all runs and contests, in the order of their places."""
        with self._turn:
            self._scan()
            runs = list(self._runs.items())
        found = [Named(id_, self._place(run.folder), run.read()) for id_, run in runs]
        return sorted(found, key=lambda run: run.place)

    def require(self, id_: str) -> Named:
        """Return one of them.

        Raises:
            UsageError: if there is none with this id.
        """
        with self._turn:
            if id_ not in self._runs:
                self._scan()
            run = self._runs.get(id_)
        if run is None:
            raise UsageError("there is no such run", fix="go back to the list")
        return Named(id_, self._place(run.folder), run.read())

    def watch(self, run: Named) -> Watched:
        """Return what is known of a run, to be updated."""
        with self._turn:
            found = self._watched.pop(run.id, None) or Watched(run.folder)
            self._watched[run.id] = found
            if len(self._watched) > WATCHED:
                self._watched.popitem(last=False)
            return found

    def _scan(self) -> None:
        if time.monotonic() - self._scanned < SCAN_S:
            return
        found = {name_place(self._place(path)): path for path in find_runs(self.root)}
        self._runs = {id_: self._runs.get(id_) or FollowedRun(path) for id_, path in found.items()}
        self._scanned = time.monotonic()

    def _place(self, folder: Path) -> str:
        return folder.relative_to(self.root).as_posix()


def name_place(place: str) -> str:
    """Return the id of what is at a place."""
    return hashlib.sha256(os.fsencode(place)).hexdigest()[:20]
