"""The ledger: append-only, one writer, and nothing that was acknowledged is ever lost."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ftdojo.errors import InfrastructureError, UsageError
from ftdojo.record import Ledger
from ftdojo.record.run_folder import LEDGER

WRITER = """
import sys
from pathlib import Path
from ftdojo.record import Ledger
with Ledger(Path(sys.argv[1])) as ledger:
    for n in range(100000):
        ledger.append("n", {"n": n})
        print(n, flush=True)
"""


def test_events_come_back_in_order_and_by_kind(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.append("a", {"x": "é\u2028"})
        ledger.append("b", {"y": [1, None]})
    with Ledger(tmp_path) as ledger:
        ledger.append("a", {"x": 2})
        assert [(e.seq, e.kind, e.payload) for e in ledger.events()] == [
            (1, "a", {"x": "é\u2028"}),
            (2, "b", {"y": [1, None]}),
            (3, "a", {"x": 2}),
        ]
        assert [e.seq for e in ledger.events("a")] == [1, 3]
        assert ledger.events()[0].time.endswith("+00:00")


def test_the_file_itself_refuses_changes(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.append("a", {})
    database = sqlite3.connect(tmp_path / LEDGER)
    for statement in ("UPDATE event SET kind = 'b'", "DELETE FROM event"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            database.execute(statement)


def test_a_number_that_json_cannot_hold_is_refused_before_it_is_written(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        with pytest.raises(ValueError, match="JSON"):
            ledger.append("a", {"loss": float("nan")})
        assert ledger.events() == []


def test_one_writer_at_a_time_and_readers_beside_it(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        ledger.append("a", {})
        with pytest.raises(UsageError, match="another process"):
            Ledger(tmp_path)
        with Ledger(tmp_path, writable=False) as reader:
            assert len(reader.events()) == 1
    Ledger(tmp_path).close()


def test_no_acknowledged_event_is_lost_to_kill_9(tmp_path: Path) -> None:
    for round_ in range(5):
        folder = tmp_path / str(round_)
        folder.mkdir()
        process = subprocess.Popen([sys.executable, "-c", WRITER, folder], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(50 + 37 * round_)]
        process.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in process.stdout.read().splitlines() if line]
        process.wait()
        with Ledger(folder) as ledger:
            kept = [e.payload["n"] for e in ledger.events()]
        assert kept[: len(acknowledged)] == acknowledged


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no run"):
        Ledger(tmp_path, writable=False)


def test_a_damaged_file_is_infrastructure_and_a_newer_one_is_named(tmp_path: Path) -> None:
    (tmp_path / LEDGER).write_bytes(b"not a database, but long enough to be read as one" * 10)
    with pytest.raises(InfrastructureError, match="cannot be used"):
        Ledger(tmp_path)
    (tmp_path / LEDGER).unlink()
    Ledger(tmp_path).close()
    database = sqlite3.connect(tmp_path / LEDGER)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(UsageError, match="version 99"):
        Ledger(tmp_path)


VERSION_1 = """
CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL
);
CREATE TRIGGER no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
INSERT INTO event (time, kind, payload) VALUES ('2026-01-01T00:00:00.000+00:00', 'a', '{"n": 1}');
INSERT INTO event (time, kind, payload) VALUES ('2026-01-01T00:00:01.000+00:00', 'a', '{"n": 2}');
PRAGMA user_version = 1;
"""


def version_1(folder: Path) -> None:
    """A file as ftdojo wrote it before events were linked."""
    database = sqlite3.connect(folder / LEDGER)
    database.executescript(VERSION_1)
    database.close()


def test_a_run_of_the_first_version_is_read_as_it_is_and_migrated_when_it_goes_on(tmp_path: Path) -> None:
    version_1(tmp_path)
    before = (tmp_path / LEDGER).read_bytes()
    with Ledger(tmp_path, writable=False) as ledger:
        assert [(e.payload["n"], e.link) for e in ledger.events()] == [(1, ""), (2, "")]
        assert ledger.find_broken() is None
    assert (tmp_path / LEDGER).read_bytes() == before
    for number in (3, 4):
        with Ledger(tmp_path) as ledger:
            ledger.append("a", {"n": number})
            assert ledger.find_broken() is None
    with Ledger(tmp_path, writable=False) as ledger:
        assert [e.payload.get("n") for e in ledger.events()] == [1, 2, None, 3, 4]
        assert [e.payload for e in ledger.events("migrated")] == [{"from": 1, "to": 2}]
    test_the_file_itself_refuses_changes(tmp_path)


@pytest.mark.parametrize(
    ("edit", "where"),
    [
        ("UPDATE event SET payload = '{\"n\": 9}' WHERE seq = 2", 2),
        ("UPDATE event SET time = '2020' WHERE seq = 4", 4),
        ("UPDATE event SET kind = 'b' WHERE seq = 1", 1),
        ("DELETE FROM event WHERE seq = 3", 3),
        ("UPDATE event SET seq = 9 WHERE seq = 4", 4),
        ("INSERT INTO event SELECT 5, time, kind, payload, link FROM event WHERE seq = 4", 5),
    ],
)
def test_an_edited_past_is_found(tmp_path: Path, edit: str, where: int) -> None:
    with Ledger(tmp_path) as ledger:
        links = [ledger.append("a", {"n": number}).link for number in range(4)]
        assert ledger.head == links[-1]
        assert ledger.find_broken() is None
    database = sqlite3.connect(tmp_path / LEDGER)
    with database:
        database.execute("DROP TRIGGER no_update")
        database.execute("DROP TRIGGER no_delete")
        database.execute(edit)
    database.close()
    with Ledger(tmp_path, writable=False) as ledger:
        assert ledger.find_broken() == where
