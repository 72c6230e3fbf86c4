"""Replies of language models, kept between runs by the digest of the request, so that none is paid twice."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from ftdojo.disk import disk_errors
from ftdojo.errors import InfrastructureError
from ftdojo.files import PRIVATE_FILE

WAIT_S = 30.0
"""Seconds to wait for another process that is writing."""


class Replies:
    """A table from digests to replies. Processes and threads may share it; an existing reply is never replaced."""

    def __init__(self, path: Path) -> None:
        self._path, self._turn = path, threading.Lock()
        with disk_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE))  # it holds texts of prompts and answers

    def get(self, key: str) -> str | None:
        """Return the reply kept under ``key``, if there is one."""
        rows = self._run("SELECT text FROM reply WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def put(self, key: str, text: str) -> None:
        """Keep a reply."""
        self._run("INSERT OR IGNORE INTO reply (key, text) VALUES (?, ?)", (key, text))

    def _run(self, statement: str, values: tuple[str, ...]) -> list[tuple[str]]:
        try:
            with self._turn, closing(sqlite3.connect(self._path, timeout=WAIT_S)) as db, db:
                db.execute("CREATE TABLE IF NOT EXISTS reply (key TEXT PRIMARY KEY, text TEXT NOT NULL)")
                return db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise InfrastructureError(
                f"the kept replies {self._path} cannot be used: {error}",
                fix="check free space and permissions; the file can be deleted, its replies are then requested again",
            ) from error
