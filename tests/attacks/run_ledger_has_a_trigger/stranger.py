import sqlite3

from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    with sqlite3.connect(place / "run/ledger.sqlite") as ledger:
        ledger.executescript("""
            CREATE TRIGGER more AFTER INSERT ON event BEGIN
                INSERT INTO event (time, kind, payload, link) VALUES ('now', 'stopped', '{}', '');
            END;
        """)
