"""The time of an iteration that is neither training nor inference: gates, scoring, feedback, observation, record.

    python benchmarks/overhead.py [--iterations 1000] [--at 10 100 1000] [--json]

Runs an episode of ``chemistry/mol_und`` (twin data) in which every submission is new, while its rows, model and answers
are taken from the store, where a training and an evaluation have put them: what is left of an iteration is overhead.
To be new and yet the same work, a submission differs from the others in its plan only. Reported, after as many
iterations as ``--at`` says: the median seconds of the last iterations; the seconds of gates 0 to 3 on a submission with
other rows, its data program in the sandbox; their sum, which is the overhead of an iteration whose every stage is new;
the size of the ledger; and the seconds to write the report. The agent is not asked: the submissions are given.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from ftdojo.contract.options import RunOptions
from ftdojo.episode import Dojo
from ftdojo.findings import Finding
from ftdojo.record import Home
from ftdojo.record.run_folder import LEDGER
from ftdojo.report import write_report

TASK = "chemistry/mol_und"
TRAIN = {"method": "lora", "epochs": 1, "max_steps": 1, "batch_size": 4, "max_length": 256}
BOUND_S = 2.0
WINDOW = 9
"""Iterations around a point whose median is told."""


def submission(folder: Path, number: int, raw: list[str], *, seed: int = 0) -> Path:
    """A submission of 32 rows and one step of training; another seed draws other rows."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = {
        "parent": 0,
        "hypothesis": f"the same again, number {number}",
        "evidence": ["the baseline"],
        "focus": "both",
        "changes": [],
    }
    source = {"path": raw[0], "prompt": "{{ query }}", "completion": "{{ struct_cot }}"}
    recipe = {"sources": [source], "max_rows": 32, "seed": seed}
    for name, content in (("plan", plan), ("train", TRAIN), ("recipe", recipe)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return folder


def measure(iterations: int, at: list[int], home: Home) -> dict[str, Any]:
    """Run the episode and time each step of it."""
    seconds: list[float] = []
    points: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="ftdojo-overhead-") as scratch:
        run = Path(scratch) / "run"
        with Dojo(RunOptions(task=TASK, wall_s=None), run, home=home) as dojo:
            observation = dojo.reset()
            raw = [f.path for f in observation.raw_data.files]
            for number in range(1, iterations + 2):
                folder = submission(Path(scratch) / "submission", number, raw)
                begun = time.perf_counter()
                observation = dojo.step(folder)
                not_refused(observation.history[-1].feedback.execution.findings)
                if number > 1:  # the first one trains and answers
                    seconds.append(time.perf_counter() - begun)
                if len(seconds) in at:
                    begun = time.perf_counter()
                    write_report(run)
                    report_s, begun = time.perf_counter() - begun, time.perf_counter()
                    other = submission(Path(scratch) / "other", number, raw, seed=time.time_ns() % 2**31)
                    not_refused(dojo.precheck(other))
                    points[len(seconds)] = {
                        "gates_s": time.perf_counter() - begun,
                        "report_s": report_s,
                        "ledger_mib": sum(p.stat().st_size for p in run.glob(f"{LEDGER}*")) / 2**20,
                    }
                if number % 50 == 1:
                    print(f"{number - 1} iterations", file=sys.stderr, flush=True)
    for point, values in points.items():
        around = seconds[max(0, point - WINDOW) : point]
        values["iteration_s"] = statistics.median(around)
        values["overhead_s"] = values["iteration_s"] + values["gates_s"]
    return {"points": points, "slowest_s": max(seconds)}


def not_refused(findings: Sequence[Finding]) -> None:
    """End if a gate has stopped the submission: then less was done than is measured."""
    if errors := [finding for finding in findings if finding.severity == "error"]:
        sys.exit(f"the submission was refused: {errors}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--at", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    measured = measure(arguments.iterations, arguments.at, Home.default())
    for point, values in measured["points"].items():
        print(
            f"after {point:5} iterations: {values['overhead_s']:.2f} s of overhead ({values['iteration_s']:.3f} s "
            f"and gates {values['gates_s']:.2f} s), "
            f"ledger {values['ledger_mib']:.1f} MiB, report {values['report_s']:.2f} s"
        )
    first, last = (measured["points"][n]["overhead_s"] for n in (min(measured["points"]), max(measured["points"])))
    print(f"the last are {last / first:.2f} times as slow as the first; slowest {measured['slowest_s']:.2f} s")
    if arguments.json:
        # There is no peer: the overhead is held against its bound.
        report = {"benchmark": "overhead", "unit": "s an iteration", "ours": last, "peer": BOUND_S}
        print(
            json.dumps({**report, "ratio": last / BOUND_S, "growth": last / first, **measured, "ran": {"task": TASK}})
        )


if __name__ == "__main__":
    main()
