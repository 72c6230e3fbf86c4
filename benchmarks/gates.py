"""How long do the gates take to turn a faulty submission away? The fault corpus on the embedded model.

    python benchmarks/gates.py [--only NAME ...] [--json]

Every folder of ``tests/faults`` is validated in one warm process: the task's data, the model's conversion and the
imports are there before the clock starts, as they are within a run. Reported: the seconds to the verdict by gate
(median and greatest), for good submissions the seconds through all gates, and every verdict that is not the expected
one. The limits are those of the design: 2 s for gates 0 and 1, 30 s for the others.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

from ftdojo import models
from ftdojo.contract.options import RunOptions
from ftdojo.episode import validate
from ftdojo.record import Home

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "tests/faults"
LIMITS = {0: 2.0, 1: 2.0, 2: 30.0, 3: 30.0, 4: 30.0, 5: 30.0}


def expected(name: str) -> dict[str, Any]:
    """What a folder of the corpus says of itself, with the task as it is to be named."""
    told = tomllib.loads((CORPUS / name / "expect.toml").read_text("utf-8"))
    local = ROOT / told["task"]
    return {**told, "task": str(local) if local.is_dir() else told["task"]}


def judge(name: str, home: Home) -> dict[str, Any]:
    """One verdict and its time."""
    told = expected(name)
    begun = time.perf_counter()
    verdict = validate(CORPUS / name, RunOptions(task=told["task"], model=models.EMBEDDED), home=home)
    seconds = time.perf_counter() - begun
    errors = [f.code for f in verdict.findings if f.severity == "error"]
    right = verdict.gate == told.get("gate") and ("code" not in told or told["code"] in errors)
    return {"name": name, "gate": verdict.gate, "errors": errors, "right": right, "seconds": seconds}


def main() -> None:
    """Validate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", help="folders of the corpus; all by default")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    home = Home.default()
    names = arguments.only or sorted(path.parent.name for path in CORPUS.glob("*/expect.toml"))
    for task in sorted({expected(name)["task"] for name in names}):
        # One that passes makes all imports; of other tasks the data has to be there.
        mine = sorted(name for name in ("good_recipe", *names) if expected(name)["task"] == task)
        warm = "good_recipe" if "good_recipe" in mine else mine[0]
        validate(CORPUS / warm, RunOptions(task=task, model=models.EMBEDDED), home=home)
    results = []
    for name in names:
        results.append(judge(name, home))
        print(f"{name:32} {results[-1]}", file=sys.stderr, flush=True)
    by_gate: dict[str, dict[str, float]] = {}
    for gate in (*LIMITS, None):
        seconds = [r["seconds"] for r in results if r["gate"] == gate]
        if seconds:
            label = "passed" if gate is None else str(gate)
            by_gate[label] = {"n": len(seconds), "median_s": statistics.median(seconds), "max_s": max(seconds)}
            print(
                f"gate {label:7} {len(seconds):3} submissions   median {by_gate[label]['median_s']:6.2f} s   "
                f"greatest {by_gate[label]['max_s']:6.2f} s"
            )
    wrong = [r["name"] for r in results if not r["right"]]
    slow = [r["name"] for r in results if r["gate"] is not None and r["seconds"] > LIMITS[r["gate"]]]
    print(f"{len(results) - len(wrong)} of {len(results)} verdicts as expected; wrong: {wrong}; over the limit: {slow}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {models.compute()}")
    if arguments.json:
        greatest = max((r["seconds"] / LIMITS[r["gate"]] for r in results if r["gate"] is not None), default=0.0)
        summary = {
            "benchmark": "gates",
            "ours": by_gate,
            "peer": LIMITS,
            "ratio": greatest,
            "wrong": wrong,
            "slow": slow,
        }
        print(json.dumps({**summary, "ran": {"cores": os.cpu_count(), "load": os.getloadavg()[0], "results": results}}))


if __name__ == "__main__":
    main()
