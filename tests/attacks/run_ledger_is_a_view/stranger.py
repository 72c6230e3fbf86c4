import sqlite3

from pathlib import Path


def prepare(place: Path, secret: Path) -> None:
    with sqlite3.connect(place / "run/ledger.sqlite") as ledger:
        ledger.executescript("""
            DROP TABLE event;
            CREATE VIEW event AS
            WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n)
            SELECT seq, 'now' AS time, 'iteration' AS kind, '{}' AS payload, '' AS link FROM n;
        """)
