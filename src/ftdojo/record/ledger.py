"""The ledger: the append-only record of one run, from which everything else about the run is derived.

One SQLite file, one table of events. An event is acknowledged only after its commit has reached the disk, and the
file itself refuses updates and deletions. There is one writing process at a time; its threads take turns.

Each event carries a *link*, the digest of itself and of the link before it, so a later change of an event that
bypasses those refusals breaks the chain. Someone who can write the file could also compute a whole new chain; against
that the last link (:attr:`Ledger.head`) is in the run's result: a copy of it kept elsewhere reveals such a change.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ftdojo.disk import disk_errors
from ftdojo.errors import InfrastructureError, UsageError
from ftdojo.files import PRIVATE_FILE
from ftdojo.record.run_folder import LEDGER, RunFolder

SCHEMA_VERSION = 2
"""2 added the links. A file of version 1 is migrated when it is opened to be written."""
UNLINKED = 1
"""The version whose events have no links."""
MIGRATED = "migrated"
"""Kind of the event that a migration appends. Events before it were not linked when they were written."""

_TRIGGERS = """
CREATE TRIGGER no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""
_SCHEMA = f"""
BEGIN;
CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    link TEXT NOT NULL
);
{_TRIGGERS}
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""
_COLUMNS = ["seq", "time", "kind", "payload"]
"""Of version 1; the later ones add ``link``."""
PAGE = 500
"""Events that are read at once."""
LOCK_S = 0.5
"""Seconds in which a free lock is obtained for certain."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: a kind, a JSON payload, and when (UTC, ISO 8601)."""

    seq: int
    time: str
    kind: str
    payload: dict[str, Any]
    link: str
    """Digest of this event and of the link before it; empty in a file of version 1."""


class Ledger:
    """The open ledger of a run. Use as a context manager; ``writable=False`` reads without taking the lock."""

    def __init__(self, folder: Path, *, writable: bool = True) -> None:
        path = RunFolder(folder).ledger
        RunFolder(folder).require_plain()
        self._lock: FileLock | None = None
        self._turn = threading.Lock()
        if writable:
            self._lock = _take_lock(folder)
        elif not path.is_file():
            below = f"; `ftdojo runs {folder}` lists the runs below it" if folder.is_dir() else ""
            raise UsageError(f"{folder} holds no run", fix=f"name a folder that `ftdojo run --out` wrote{below}")
        try:
            if writable:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, PRIVATE_FILE))
            name = path if writable else _read_only(path)
            self._db = sqlite3.connect(name, uri=not writable, check_same_thread=False)
            self._linked = True
            self._linked = self._prepare(writable) > UNLINKED
        except sqlite3.Error as error:
            self._release()
            raise _translate(error, path) from error
        except BaseException:
            self._release()
            raise

    def _require_own_table(self) -> None:
        """Check that ``event`` is a table with stored columns, before anything is read from it: a view or a computed
        column of a stranger's file could compute for ever, and a trigger could write what is not in the statement."""
        self._db.execute("PRAGMA trusted_schema = OFF")
        found = self._db.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        unknown = [f"{kind} {name}" for kind, name, sql in found if not _is_own(kind, name, sql)]
        columns = self._db.execute("PRAGMA table_xinfo(event)").fetchall() if found else []
        names = [str(name) for _, name, *_ in columns]
        computed = [str(name) for _, name, *_, hidden in columns if hidden]
        if unknown or computed or names not in ([], _COLUMNS, [*_COLUMNS, "link"]):
            what = ", ".join([*unknown[:3], *computed[:3]]) or f"columns {', '.join(names[:8])}"
            raise InfrastructureError(
                f"the ledger has parts that ftdojo does not write: {what[:200]}",
                fix="do not use this folder: it was not written by ftdojo, or was changed afterwards",
            )

    def _prepare(self, writable: bool) -> int:
        """Create or migrate the table if ``writable``; return the version that the file has now."""
        self._require_own_table()
        if writable:
            # FULL: a commit has reached the disk before it returns. 0.2 ms each, for about ten events an
            # iteration, and one for each call of a data program to a language model.
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            if self._version() == 0:
                self._db.executescript(_SCHEMA)
            elif self._version() == UNLINKED:
                self._link_all()
        if (version := self._version()) not in {UNLINKED, SCHEMA_VERSION}:
            raise UsageError(
                f"the run was written with ledger version {version}, this ftdojo reads up to {SCHEMA_VERSION}",
                fix="open it with the ftdojo that wrote it",
            )
        return version

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    def _link_all(self) -> None:
        """Migrate a file of version 1, in one transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            self._db.execute("DROP TRIGGER no_update")
            self._db.execute("ALTER TABLE event ADD COLUMN link TEXT NOT NULL DEFAULT ''")
            link = ""
            for seq, *content in self._db.execute("SELECT seq, time, kind, payload FROM event ORDER BY seq").fetchall():
                link = _link(link, *content)
                self._db.execute("UPDATE event SET link = ? WHERE seq = ?", (link, seq))
            self._db.execute(_TRIGGERS.strip().splitlines()[0])
            self._insert(MIGRATED, json.dumps({"from": UNLINKED, "to": SCHEMA_VERSION}))
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def append(self, kind: str, payload: dict[str, Any]) -> Event:
        """Write one event; when this returns, it survives a crash."""
        # Escaped: text from data sets may hold lone surrogates, which SQLite cannot store.
        text = json.dumps(payload, allow_nan=False)
        try:
            with self._turn, self._db:
                seq, time, link = self._insert(kind, text)
        except sqlite3.Error as error:
            raise _translate(error, Path(LEDGER)) from error
        return Event(seq, time, kind, payload, link)

    def _insert(self, kind: str, text: str) -> tuple[int, str, str]:
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        link = _link(self._head(), time, kind, text)
        cursor = self._db.execute(
            "INSERT INTO event (time, kind, payload, link) VALUES (?, ?, ?, ?)", (time, kind, text, link)
        )
        return int(cursor.lastrowid or 0), time, link

    def events(self, kind: str | None = None, *, after: int = 0, limit: int | None = None) -> list[Event]:
        """Return all events in order, or those of one kind, or those after the event with the number ``after``; of
        them the first ``limit``."""
        return list(islice(self.read(kind, after=after, page=PAGE if limit is None else limit), limit))

    def read(self, kind: str | None = None, *, after: int = 0, page: int = PAGE) -> Iterator[Event]:
        """Yield what :meth:`events` returns, with few events in memory: at most ``page``."""
        link = "link" if self._linked else "''"
        which = "WHERE kind = coalesce(?, kind) AND seq > ? ORDER BY seq LIMIT ?"
        query = f"SELECT seq, time, kind, payload, {link} FROM event {which}"  # noqa: S608 - both are written here
        while rows := self._fetch(query, (kind, after, page)):
            yield from (_event(*row) for row in rows)
            after = rows[-1][0]

    @property
    def head(self) -> str:
        """The link of the last event; empty if there is none, or if the file is of version 1."""
        with self._turn:
            return self._head()

    def _fetch(self, query: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        try:
            with self._turn:
                return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise _translate(error, Path(LEDGER)) from error

    def _head(self) -> str:
        if not self._linked:
            return ""
        row = self._db.execute("SELECT link FROM event ORDER BY seq DESC LIMIT 1").fetchone()
        return str(row[0]) if row else ""

    def find_broken(self, *, withheld: Collection[int] = ()) -> int | None:
        """Return the number of the first event that was changed or moved after it was written, if there is one.

        Args:
            withheld: the numbers of events of which this file does not have the whole payload. Their links cannot be
                computed, and are taken as they are.
        """
        if not self._linked:
            return None
        link = ""
        try:
            with self._turn:
                rows = self._db.execute("SELECT seq, time, kind, payload, link FROM event ORDER BY seq")
                for place, (seq, time, kind, text, stored) in enumerate(rows, start=1):
                    link = stored if seq in withheld else _link(link, time, kind, text)
                    if (seq, stored) != (place, link):
                        return place
        except sqlite3.Error as error:
            raise _translate(error, Path(LEDGER)) from error
        return None

    def close(self) -> None:
        """Close the file and release the lock for the next writer."""
        self._db.close()
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def restore(folder: Path, events: Iterable[Event]) -> None:
    """Write the ledger of ``folder``, which has none, from events that were read from another one.

    Their links are kept as they are, so :meth:`Ledger.find_broken` finds what was changed on the way.
    """
    with contextlib.closing(sqlite3.connect(RunFolder(folder).ledger)) as db:
        db.executescript(_SCHEMA)
        rows = ((e.seq, e.time, e.kind, json.dumps(e.payload, allow_nan=False), e.link) for e in events)
        with db:
            db.executemany("INSERT INTO event (seq, time, kind, payload, link) VALUES (?, ?, ?, ?, ?)", rows)


def is_running(folder: Path) -> bool:
    """Whether a process holds the lock of a run's folder. Nothing is written."""
    try:
        with RunFolder(folder).lock.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there is none, or it belongs to another user
        return False
    return False


def find_writer(folder: Path) -> int | None:
    """Return the id of the process that holds the lock of a run's folder, as the kernel lists it.

    ``None`` if there is none, if the lock has a second name, by which another program may hold it, or if the kernel
    does not show it: in another container, or on a system without ``/proc``.
    """
    try:
        about = RunFolder(folder).lock.lstat()
        listed = Path("/proc/locks").read_text("ascii")
    except OSError:
        return None
    place = f"{os.major(about.st_dev):02x}:{os.minor(about.st_dev):02x}:{about.st_ino}"
    for line in listed.splitlines():
        _, form, _, access, process, file, *_ = line.split()  # a process that waits has "->" as its form
        if (form, access, file) == ("FLOCK", "WRITE", place) and about.st_nlink == 1 and int(process) > 0:
            return int(process)
    return None


def wait_until_free(folder: Path, seconds: float) -> None:
    """Wait until no process writes the ledger of this folder, at most so long."""
    lock = RunFolder(folder).lock
    if lock.is_file():
        with contextlib.suppress(Timeout), FileLock(lock, mode=PRIVATE_FILE).acquire(timeout=seconds):
            pass


def _take_lock(folder: Path) -> FileLock:
    lock = FileLock(RunFolder(folder).lock, mode=PRIVATE_FILE)
    try:
        with disk_errors(folder):
            lock.acquire(timeout=LOCK_S)  # `is_running` holds it for an instant
    except Timeout:
        raise UsageError(
            f"another process is running in {folder}", fix="wait for it, end it, or choose another folder with --out"
        ) from None
    return lock


def _is_own(kind: str, name: str, sql: str | None) -> bool:
    """Whether a part of the file is one that ftdojo makes; the columns of its table are checked apart."""
    if kind == "trigger":
        return " ".join(str(sql).split()) in [line.removesuffix(";") for line in _TRIGGERS.split("\n")]
    return kind == "table" and name in ("event", "sqlite_sequence")


def _event(seq: int, time: Any, kind: Any, text: Any, link: Any) -> Event:
    """Make the event of a row, whose values may be of any type in a file that was edited."""
    try:
        payload = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        payload = None
    if not (isinstance(payload, dict) and isinstance(time, str) and isinstance(kind, str) and isinstance(link, str)):
        raise InfrastructureError(
            f"event {seq} of the ledger is damaged",
            fix="restore the run from a copy; `ftdojo verify` shows what is affected",
        )
    return Event(seq, time, kind, payload, link)


def _link(before: str, time: str, kind: str, payload: str) -> str:
    return hashlib.sha256(json.dumps([before, time, kind, payload]).encode()).hexdigest()


def _read_only(path: Path) -> str:
    """Return the address with which SQLite reads the file. In a folder without write access SQLite cannot create the
    index that it shares with writers; there are no writers then, so it is not needed."""
    closed = not path.with_name(f"{path.name}-wal").exists()
    options = "mode=ro&immutable=1" if closed and not os.access(path.parent, os.W_OK) else "mode=ro"
    return f"{path.absolute().as_uri()}?{options}"


def _translate(error: sqlite3.Error, path: Path) -> InfrastructureError:
    return InfrastructureError(
        f"the ledger {path} cannot be used: {error}", fix="check free space and permissions, then run the same command"
    )
