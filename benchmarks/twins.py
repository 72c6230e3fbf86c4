"""One iteration of FT-Agent on the generated data of every task: what is gained, and how long it takes.

    python benchmarks/twins.py [--tasks chemistry/mol_und ...] [--budget 6m] [--out runs/twins] [--json]

Each task is one ``ftdojo run TASK --data twin --max-iterations 1`` in a process of its own. A run that is there already
is not repeated. Reported: the core metric of the base model and of the trained one on validation, the paired difference
with its 95 % interval, and the seconds of training and of the whole run. ``gained`` says whether that interval lies on
the better side of zero, ``ceiling`` whether the trained model's interval reaches the metric's best value.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from ftdojo import tasks
from ftdojo.record import Ledger


def run(task: str, budget: str, folder: Path) -> dict[str, Any]:
    """Run one task and read what came of it."""
    command = [sys.executable, "-m", "ftdojo", "run", task, "--data", "twin", "--max-iterations", "1"]
    begun = time.monotonic()
    done = subprocess.run(
        [*command, "--budget", budget, "--out", str(folder), "--json"], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        return {"task": task, "failed": done.returncode}
    result = json.loads(done.stdout)
    with Ledger(folder, writable=False) as ledger:
        iteration = ledger.events("iteration")[0].payload["iteration"]
    if iteration["decision"] is None:
        return {"task": task, "failed": [f["code"] for f in iteration["feedback"]["execution"]["findings"]]}
    after, best = result["iterations"][0]["validation"], tasks.get(task).spec.best_value
    return {
        "task": task,
        "metric": after["metric"],
        "base": result["baseline"]["validation"]["value"],
        "trained": after["value"],
        "difference": iteration["decision"]["difference"],
        "gained": iteration["decision"]["accepted"],
        "ceiling": after["interval"][0] <= best <= after["interval"][1],
        "rows": iteration["feedback"]["data"]["rows"],
        "train_s": result["iterations"][0]["seconds"]["train"],
        "run_s": time.monotonic() - begun,
    }


def main() -> None:
    """Run the tasks one after another and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="*", default=[t for t in tasks.ids() if "twin" in tasks.get(t).variants])
    parser.add_argument("--budget", default="6m")
    parser.add_argument("--out", type=Path, default=Path("runs/twins"))
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    rows = []
    for task in arguments.tasks:
        rows.append(run(task, arguments.budget, arguments.out / task.replace("/", "-")))
        print(line(rows[-1]), flush=True)
    gained = sum(row.get("gained", False) for row in rows)
    print(f"gained on {gained} of {len(rows)}; at the ceiling on {sum(row.get('ceiling', False) for row in rows)}")
    if arguments.json:
        print(json.dumps({"benchmark": "twins", "tasks": rows}))
    if any("failed" in row for row in rows):
        sys.exit(1)


def line(row: dict[str, Any]) -> str:
    """One task as a line of the table."""
    if "failed" in row:
        return f"{row['task']:28} failed: {row['failed']}"
    gap = row["difference"]
    verdict = "gained" if row["gained"] else "      "
    return (
        f"{row['task']:28} {row['metric']:16} {row['base']:6.1f} -> {row['trained']:6.1f}  "
        f"{gap['value']:+6.1f} [{gap['low']:+6.1f}, {gap['high']:+6.1f}] {verdict}  "
        f"{row['rows']:4} rows  train {row['train_s']:4.0f} s  run {row['run_s']:4.0f} s"
    )


if __name__ == "__main__":
    main()
