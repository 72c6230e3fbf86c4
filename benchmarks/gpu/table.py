"""Gather what the steps of run.sh wrote into results.json, and print it as a table: python table.py FOLDER"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

RATIOS = [
    ("training, ours to the better TRL", "train-ours", ("train-trl", "train-trl-liger"), "tokens/s"),
    ("answers, ours to generate", "engine-ours", ("engine-generate",), "items/s"),
]


def main(folder: Path) -> None:
    """Read all steps, write results.json, print Markdown."""
    found: dict[str, dict[str, Any]] = {}
    print("| step | figure | value |\n|---|---|---|")
    for line in (folder / "statuses").read_text("utf-8").splitlines():
        step, status = line.split()
        result = folder / f"{step}.json"
        found[step] = json.loads(result.read_text("utf-8")) if result.is_file() else {}
        for name, value in found[step].items():
            print(f"| {step} | {name} | {f'{value:.3g}' if isinstance(value, float) else value} |")
        if status != "0":
            print(f"| {step} | ended with status {status} | see {step}.log |")
    ratios = {}
    for name, ours, peers, figure in RATIOS:
        theirs = [found[peer][figure] for peer in peers if figure in found.get(peer, {})]
        if theirs and figure in found.get(ours, {}):
            ratios[name] = found[ours][figure] / max(theirs)
            print(f"| ratio | {name} | {ratios[name]:.2f} |")
    (folder / "results.json").write_text(json.dumps({"steps": found, "ratios": ratios}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
