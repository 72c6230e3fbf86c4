import sqlite3

from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    with sqlite3.connect(place / "run/ledger.sqlite") as ledger:
        ledger.execute("DROP TRIGGER no_update")
        ledger.execute("UPDATE event SET time = X'1b5b324a', kind = X'1b5b324a'")
        ledger.executescript(
            "CREATE TRIGGER no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;"
        )
