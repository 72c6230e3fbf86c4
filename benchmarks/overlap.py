"""How long does the overlap index take for many rows, and how much memory? Synthetic rows, checked one at a time.

Evaluation items and rows are drawn from the same vocabulary and share an instruction; one row in a thousand is a
copy of an item, re-cased and with an answer. Every size runs in a fresh process, so that its peak of resident memory
is its own. Rows are made as they are checked and none is kept: what the peak grows by is the index's. The time is that
of the look-ups alone. Copies that were missed and other rows that were taken for copies are counted.

    python benchmarks/overlap.py [--rows 1000000] [--items 2000] [--json]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import time

from ftdojo.rawdata import OverlapIndex

INSTRUCTION = "You are a helpful assistant. Read the record below and answer its question in one word. Record:"
VOCABULARY = [f"w{number}" for number in range(5_000)]
WORDS = 40
"""Words of an item, and of a row, that are its own."""
COPIES = 1_000
"""One row in so many is a copy."""
SHARES = (0.01, 0.1, 0.5, 1.0)
"""The sizes that are measured, as shares of ``--rows``."""


def text(rng: random.Random) -> str:
    """One prompt."""
    return f"{INSTRUCTION} {' '.join(rng.choices(VOCABULARY, k=WORDS))}"


def measure(rows: int, items: int) -> dict[str, float]:
    """Check so many rows against so many items, in this process."""
    rng = random.Random(0)
    evaluation = [text(rng) for _ in range(items)]
    begun = time.perf_counter()
    index = OverlapIndex.of(evaluation)
    build = time.perf_counter() - begun
    seconds, missed, wrong = 0.0, 0, 0
    for number in range(rows):
        copy = number % COPIES == 0
        turns = [rng.choice(evaluation).upper() if copy else text(rng), "yes"]
        begun = time.perf_counter()
        found = index.overlaps(turns)
        seconds += time.perf_counter() - begun
        missed += copy and not found
        wrong += found and not copy
    return {
        "rows": rows,
        "items": items,
        "build_s": build,
        "seconds": seconds,
        "us_per_row": 1e6 * seconds / rows,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "missed": missed,
        "wrong": wrong,
    }


def main() -> None:
    """Measure several sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=2_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    sizes = []
    for share in SHARES:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            size = pool.apply(measure, (max(1, round(share * arguments.rows)), arguments.items))
        sizes.append(size)
        print(
            f"{size['rows']:9,} rows  {size['seconds']:8.2f} s  {size['us_per_row']:6.1f} us/row  "
            f"peak {size['peak_mib']:6.1f} MiB  {size['missed']} missed  {size['wrong']} wrong",
            flush=True,
        )
    if arguments.json:
        print(json.dumps({"benchmark": "overlap", "sizes": sizes}))


if __name__ == "__main__":
    main()
