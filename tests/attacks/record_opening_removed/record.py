import sqlite3

from pathlib import Path


def tamper(place: Path) -> None:
    with sqlite3.connect(place / "run/ledger.sqlite") as ledger:
        ledger.execute("DROP TRIGGER no_delete")
        ledger.execute("DELETE FROM event WHERE kind = 'test_opened'")
