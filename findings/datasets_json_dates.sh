#!/usr/bin/env bash
# Guess: a text in quotes in a file of JSON lines comes back as that text.
# What happens: if all texts of a field look like dates, the field becomes one of timestamps, in messages too. The
# answer "2024-01-01" comes back as datetime(2024, 1, 1, 0, 0), and a prompt made of it says "2024-01-01 00:00:00".
# The form that was written is lost: "2024-01-01T10:00:00Z" and "2024-01-01 10:00:00" give the same value. One other
# text in the field ("unknown"), and all stay texts. Texts such as "2024-01" stay, too.
# Seen with datasets 5.2.0, pyarrow 26.0.1. Source: pyarrow.json infers timestamps, and datasets passes no schema unless
# features= is given.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet datasets==5.2.0 pyarrow==26.0.1
HF_HOME="$work/home" "$work/venv/bin/python" - "$work" <<'PY'
import json
import sys
from datetime import datetime
from pathlib import Path

import datasets

datasets.disable_progress_bars()


def read(name: str, answers: list[str]) -> list:
    file = Path(sys.argv[1]) / f"{name}.jsonl"
    turns = [{"messages": [{"role": "assistant", "content": answer}]} for answer in answers]
    file.write_text("".join(json.dumps(turn) + "\n" for turn in turns))
    rows = datasets.load_dataset("json", data_files=str(file), split="train")
    return [row["messages"][0]["content"] for row in rows]


first, moment = datetime(2024, 1, 1), datetime(2024, 1, 1, 10)
CASES = {
    "days": (["2024-01-01", "2023-05-06"], [first, datetime(2023, 5, 6)]),
    "times": (["2024-01-01T10:00:00Z", "2024-01-01 10:00:00"], [moment, moment]),
    "one other": (["2024-01-01", "unknown"], ["2024-01-01", "unknown"]),
    "months": (["2024-01", "2023-05"], ["2024-01", "2023-05"]),
}
for name, (answers, expected) in CASES.items():
    found = read(name.replace(" ", "_"), answers)
    print(f"{name}: {answers} -> {[str(value) for value in found]}")
    if found != expected:
        raise SystemExit("changed")
PY
