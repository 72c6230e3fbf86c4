"""How long does the overlap index take for many rows, and how much memory? Synthetic rows, checked one at a time.

Evaluation items and rows are drawn from the same vocabulary and share an instruction; one row in a thousand is a copy
of an item, re-cased, with an answer, and in turn with none, 5, 10 and 20 % of its words replaced. Every size runs in
a fresh process, so that its peak of resident memory is its own. Rows are made as they are checked and none is kept:
what the peak grows by is the index's. The time is that of the look-ups alone. Told are the shares of copies that were
found, and how many other rows were taken for copies.

Then the same on the generated data of every task: validation items against an index of the test items, which they are
disjoint from, so that all that is found is false; and edited copies of the test items.

    python benchmarks/overlap.py [--rows 1000000] [--items 2000] [--json]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import tempfile
import time
from pathlib import Path
from statistics import fmean
from typing import Any

from ftdojo import tasks
from ftdojo.data import OverlapIndex, read_items

INSTRUCTION = "You are a helpful assistant. Read the record below and answer its question in one word. Record:"
VOCABULARY = [f"w{number}" for number in range(5_000)]
WORDS = 40
"""Words of an item, and of a row, that are its own."""
COPIES = 1_000
"""One row in so many is a copy."""
EDITS = (0.0, 0.05, 0.1, 0.2)
"""Shares of words that copies have others for."""
SHARES = (0.01, 0.1, 0.5, 1.0)
"""The sizes that are measured, as shares of ``--rows``."""


def text(rng: random.Random) -> str:
    """One prompt."""
    return f"{INSTRUCTION} {' '.join(rng.choices(VOCABULARY, k=WORDS))}"


def edited(rng: random.Random, words: str, share: float) -> str:
    """The text in capitals, with some words replaced."""
    return " ".join(rng.choice(VOCABULARY) if rng.random() < share else word for word in words.upper().split())


def twin(name: str) -> dict[str, Any]:
    """What is found on the generated data of one task: of validation items (falsely) and of edited test items."""
    task, rng = tasks.get(name), random.Random(0)
    with tempfile.TemporaryDirectory(prefix="ftdojo-overlap-") as folder:
        task.variants["twin"].build(Path(folder), {})
        test, validation = (
            [task.question(item) for item in read_items(Path(folder, f"{split}.jsonl"))]
            for split in ("test", "validation")
        )
    index = OverlapIndex.from_texts(test)
    return {
        "task": name,
        "wrong": fmean(index.overlaps([question]) for question in validation),
        "found": {share: fmean(index.overlaps([edited(rng, question, share)]) for question in test) for share in EDITS},
    }


def measure(rows: int, items: int) -> dict[str, Any]:
    """Check so many rows against so many items, in this process."""
    rng = random.Random(0)
    evaluation = [text(rng) for _ in range(items)]
    begun = time.perf_counter()
    index = OverlapIndex.from_texts(evaluation)
    build = time.perf_counter() - begun
    seconds, wrong = 0.0, 0
    copies: dict[float, list[bool]] = {share: [] for share in EDITS}
    for number in range(rows):
        copy = number % COPIES == 0
        share = EDITS[number // COPIES % len(EDITS)]
        turns = [edited(rng, rng.choice(evaluation), share) if copy else text(rng), "yes"]
        begun = time.perf_counter()
        found = index.overlaps(turns)
        seconds += time.perf_counter() - begun
        if copy:
            copies[share].append(found)
        wrong += found and not copy
    return {
        "rows": rows,
        "items": items,
        "build_s": build,
        "seconds": seconds,
        "us_per_row": 1e6 * seconds / rows,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "found": {share: fmean(found) for share, found in copies.items() if found},
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
            f"peak {size['peak_mib']:6.1f} MiB  found "
            + ", ".join(f"{found:.0%} of copies with {share:.0%} edited" for share, found in size["found"].items())
            + f"; {size['wrong']} wrong",
            flush=True,
        )
    twins = [twin(name) for name in tasks.ids() if "twin" in tasks.get(name).variants]
    for one in twins:
        found = "  ".join(f"{share:4.0%}" for share in one["found"].values())
        print(f"{one['task']:26}  wrong {one['wrong']:.1%}  found {found}", flush=True)
    if arguments.json:
        print(json.dumps({"benchmark": "overlap", "sizes": sizes, "twins": twins}))


if __name__ == "__main__":
    main()
