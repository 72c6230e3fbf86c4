"""Scoring speed: items a second of every task's scorer, on its generated data.

    python benchmarks/scoring.py [--items 10000] [--json]

Every task scores ``--items`` predictions: its evaluation items repeated, with gold answers, answers to other items,
prose and nothing in turn. Tasks whose scorer runs code in the sandbox score as many items as they have.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from ftdojo import sandbox, tasks
from ftdojo.data import read_items

CHARTS = ("table/visualization",)
"""Tasks that run generated code: seconds an item, by design."""


def measure(name: str, count: int) -> dict[str, Any]:
    """Score one task's items, repeated."""
    _, task = tasks.get(name, runner=sandbox.run_user_code).variant("twin")
    with tempfile.TemporaryDirectory() as folder:
        task.variants["twin"].build(Path(folder), {})
        items = read_items(Path(folder) / "validation.jsonl") + read_items(Path(folder) / "test.jsonl")
    if name not in CHARTS:
        items = list(itertools.islice(itertools.cycle(items), count))
    golds = [task.scorer.gold(item) for item in items]
    others = [*golds[1:], golds[0]]
    outputs = [
        (golds[i], others[i], "I do not know, but it may be 7 or yes. " * 5, "")[i % 4] for i in range(len(items))
    ]
    begun = time.perf_counter()
    task.scorer.score(items, outputs)
    seconds = time.perf_counter() - begun
    return {"task": name, "items": len(items), "seconds": seconds, "items_per_s": len(items) / seconds}


def main() -> None:
    """Measure every task with generated data."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    rows = []
    for name in (t for t in tasks.ids() if "twin" in tasks.get(t).variants):
        rows.append(measure(name, arguments.items))
        row = rows[-1]
        print(
            f"{name:28} {row['items']:6} items  {row['seconds']:7.2f} s  {row['items_per_s']:10.0f} items/s", flush=True
        )
    if arguments.json:
        print(json.dumps({"benchmark": "scoring", "tasks": rows}))


if __name__ == "__main__":
    main()
