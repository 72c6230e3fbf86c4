import sqlite3

from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    with sqlite3.connect(place / "run/ledger.sqlite") as ledger:
        ledger.executescript("""
            DROP TABLE event;
            CREATE TABLE event (seq INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT, kind TEXT, payload TEXT,
                link TEXT GENERATED ALWAYS AS (hex(zeroblob(100000000))));
            INSERT INTO event (time, kind, payload) VALUES ('now', 'iteration', '{}');
        """)
