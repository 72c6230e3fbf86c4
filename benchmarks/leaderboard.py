"""How long does a leaderboard of many episodes take, how much memory, and how large is its page?

    python benchmarks/leaderboard.py [--seeds 1 10 50] [--json]

Episodes are simulated: real ledgers of eight iterations and 100 test items each, written as runs write them, for five
contestants on four tasks. Measured is ``ftdojo bench`` on a suite whose jobs are all finished: it looks at every job,
reads every record, compares all contestants and writes the pages. The reports of single runs, which real runs write at
their end, are there: a first call has written them. Each size runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ftdojo.bench import Suite, SuiteRecord

TESTS = Path(__file__).parents[1] / "tests"
ITEMS, ITERATIONS = 100, 8
SUITE = """
name = "simulated"
tasks = ["math/aime24", "math/aime25", "finance/financeiq", "table/fact_checking"]
models = ["smollm2-135m"]
variants = ["twin"]
agents = ["base", "single-shot", "random-search", "tpe", "ft-agent"]
seeds = {seeds}
[budgets.short]
wall = "2m"
"""


def simulate(path: Path, out: Path) -> int:
    """Write the finished runs of all jobs; how many."""
    sys.path.insert(0, str(TESTS))
    from synthetic_contest import items, write_run

    suite, rng = Suite.load(path), random.Random(0)
    with SuiteRecord(out, suite):
        pass

    def verdicts(skill: float) -> list[float]:
        return [float(rng.random() < skill) for _ in range(ITEMS)]

    skills = {contestant.name: 0.1 + 0.1 * number for number, contestant in enumerate(suite.agents)}
    base = {task: verdicts(0.1) for task in suite.tasks}
    for job in suite.jobs():
        name = job.contestant.name
        best = base[job.task] if name == "base" else verdicts(skills[name])
        validation = [] if name == "base" else [10.0 + 5 * i for i in range(ITERATIONS)]
        write_run(out, job, items(base[job.task]), items(best), validation=validation)
    return len(suite.jobs())


def measure(seeds: int) -> dict[str, float]:
    """One size, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "suite.toml"), Path(folder, "out")
        path.write_text(SUITE.format(seeds=list(range(seeds))), "utf-8")
        episodes = simulate(path, out)
        command = [sys.executable, "-m", "ftdojo", "bench", str(path), "--out", str(out)]
        for _ in range(2):
            begun = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return {
            "episodes": episodes,
            "seconds": time.perf_counter() - begun,
            "peak_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
            "page_kib": (out / "leaderboard.html").stat().st_size / 1024,
        }


def main() -> None:
    """Measure several sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    sizes = []
    for seeds in arguments.seeds:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            sizes.append(pool.apply(measure, (seeds,)))
        print(
            "{episodes:6,} episodes  {seconds:7.2f} s  peak {peak_mib:6.1f} MiB  page {page_kib:7.1f} KiB".format(
                **sizes[-1]
            ),
            flush=True,
        )
    if arguments.json:
        print(json.dumps({"benchmark": "leaderboard", "sizes": sizes}))


if __name__ == "__main__":
    main()
