"""Changes of a recorded run that keep its form: for tests of what an audit finds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ftdojo.record.ledger import _link

Payload = dict[str, Any]


def edit_events(run: Path, change: Callable[[str, Payload], Payload | None], *, relink: bool) -> None:
    """Change the payloads of events, or drop those that ``change`` answers with ``None``."""
    with sqlite3.connect(run / "ledger.sqlite") as db:
        for trigger in ("no_update", "no_delete"):
            db.execute(f"DROP TRIGGER {trigger}")
        link = before = ""
        place = 0
        for seq, time, kind, text, told in db.execute("SELECT * FROM event ORDER BY seq").fetchall():
            payload = change(kind, json.loads(text))
            if relink and kind == "finished" and payload is not None:
                payload["result"]["ledger"] = before
                (run / "result.json").write_text(json.dumps(payload["result"]))
            db.execute("DELETE FROM event WHERE seq = ?", (seq,))
            if payload is None:
                continue
            place = place + 1 if relink else seq
            link = before = _link(before, time, kind, json.dumps(payload)) if relink else told
            db.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?)", (place, time, kind, json.dumps(payload), link))
    db.close()
