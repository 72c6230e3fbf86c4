import sqlite3

from pathlib import Path


def tamper(place: Path) -> None:
    with sqlite3.connect(place / "run/ledger.sqlite") as ledger:
        ledger.execute("DROP TRIGGER no_update")
        ledger.execute("UPDATE event SET payload = replace(payload, 'yes', 'no') WHERE kind = 'iteration'")
        ledger.execute("UPDATE event SET time = '2020-01-01T00:00:00.000+00:00' WHERE kind = 'test_opened'")
