"""The ledger: the append-only record of one run, from which everything else about the run is derived.

One SQLite file, one table of events. An event is acknowledged only after its commit has reached the disk, and the
file itself refuses updates and deletions. There is one writer at a time.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ftdojo.errors import InfrastructureError, UsageError

SCHEMA_VERSION = 1
FILE = "ledger.sqlite"

_SCHEMA = f"""
BEGIN;
CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL
);
CREATE TRIGGER no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: a kind, a JSON payload, and when (UTC, ISO 8601)."""

    seq: int
    time: str
    kind: str
    payload: dict[str, Any]


class Ledger:
    """The open ledger of a run. Use as a context manager; ``writable=False`` reads without taking the lock."""

    def __init__(self, folder: Path, *, writable: bool = True) -> None:
        path = folder / FILE
        self._lock: FileLock | None = None
        if writable:
            self._lock = _take_lock(folder)
        elif not path.is_file():
            raise UsageError(f"{folder} holds no run", fix="name a folder that `ftdojo run --out` wrote")
        try:
            self._db = sqlite3.connect(path if writable else f"{path.absolute().as_uri()}?mode=ro", uri=not writable)
            self._prepare(writable)
        except sqlite3.Error as error:
            self._release()
            raise _translate(error, path) from error
        except BaseException:
            self._release()
            raise

    def _prepare(self, writable: bool) -> None:
        if writable:
            # FULL: a commit has reached the disk before it returns. 0.2 ms each, for about ten events an iteration.
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            if self._db.execute("PRAGMA user_version").fetchone()[0] == 0:
                self._db.executescript(_SCHEMA)
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            raise UsageError(
                f"the run was written with ledger version {version}, this ftdojo reads {SCHEMA_VERSION}",
                fix="open it with the ftdojo that wrote it",
            )

    def append(self, kind: str, payload: dict[str, Any]) -> Event:
        """Write one event; when this returns, it survives a crash."""
        # Escaped: text from data sets may hold lone surrogates, which SQLite cannot store.
        text = json.dumps(payload, allow_nan=False)
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        try:
            with self._db:
                cursor = self._db.execute(
                    "INSERT INTO event (time, kind, payload) VALUES (?, ?, ?)", (time, kind, text)
                )
        except sqlite3.Error as error:
            raise _translate(error, Path(FILE)) from error
        return Event(int(cursor.lastrowid or 0), time, kind, payload)

    def events(self, kind: str | None = None, *, after: int = 0) -> list[Event]:
        """All events in order, or those of one kind; only those whose ``seq`` is greater than ``after``."""
        query = "SELECT seq, time, kind, payload FROM event WHERE seq > ? AND kind = coalesce(?, kind) ORDER BY seq"
        found = self._db.execute(query, (after, kind))
        return [Event(seq, time, k, json.loads(text)) for seq, time, k, text in found]

    def close(self) -> None:
        """Close the file and let the next writer in."""
        self._db.close()
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _take_lock(folder: Path) -> FileLock:
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UsageError(
            f"another process is running in {folder}", fix="wait for it, end it, or choose another folder with --out"
        ) from None
    return lock


def _translate(error: sqlite3.Error, path: Path) -> InfrastructureError:
    return InfrastructureError(
        f"the ledger {path} cannot be used: {error}", fix="check free space and permissions, then run the same command"
    )
