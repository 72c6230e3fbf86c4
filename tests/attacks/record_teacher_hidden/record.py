import hashlib
import json
import sqlite3
from pathlib import Path

CALL = {
    "purpose": "data", "model": "openai:gpt-5.2", "pool": "strong", "mode": "text",
    "messages": [{"role": "user", "content": "yes or no?"}], "reply": "yes", "fault": None,
    "usage": {"input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0, "estimated": False}, "seconds": 1.0,
}  # fmt: skip


def tamper(place: Path) -> None:
    with sqlite3.connect(place / "run/ledger.sqlite") as ledger:
        rows = ledger.execute("SELECT time, kind, payload FROM event ORDER BY seq").fetchall()
        rows.insert(2, (rows[2][0], "llm_call", json.dumps({"call": CALL, "charge": {}})))
        for trigger in ("no_update", "no_delete"):
            ledger.execute(f"DROP TRIGGER {trigger}")
        ledger.execute("DELETE FROM event")
        link = before = ""
        for seq, (time, kind, text) in enumerate(rows, start=1):
            payload = json.loads(text)
            if kind == "finished":
                payload["result"]["ledger"] = before
                (place / "run/result.json").write_text(json.dumps(payload["result"]))
            text = json.dumps(payload)
            link = before = hashlib.sha256(json.dumps([link, time, kind, text]).encode()).hexdigest()
            ledger.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?)", (seq, time, kind, text, link))
