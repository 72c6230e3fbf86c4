"""How long does the overlap index take for many rows, and how much memory? Synthetic rows, checked in batches.

Evaluation items and rows are drawn from the same vocabulary and share an instruction; one row in a thousand is a copy
of an item, re-cased, with an answer, and in turn with none, 5, 10 and 20 % of its words replaced. Every size runs in
a fresh process, so that its peak of resident memory is its own. Rows are made as they are checked and none is kept:
what the peak grows by is the index's. The time is that of the look-ups alone. Told are the shares of copies that were
found, and how many other rows were taken for copies.

Then the same on the generated data of every task: validation items against an index of the test items, which they are
disjoint from, so that all that is found is false; and edited copies of the test items.

With ``--peer DIR``, a checkout of an earlier build with its environment in DIR/.venv, the same rows are given to that
build in turn with this one, and its figures stand beside.

    python benchmarks/overlap.py [--rows 1000000] [--items 2000] [--peer DIR] [--json]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import fmean
from typing import Any

try:
    from ftdojo.data import OverlapIndex, read_items
except ImportError:  # a build before the rooms were renamed
    from ftdojo.rawdata import OverlapIndex, read_items

INSTRUCTION = "You are a helpful assistant. Read the record below and answer its question in one word. Record:"
VOCABULARY = [f"w{number}" for number in range(5_000)]
WORDS = 40
"""Words of an item, and of a row, that are its own."""
BATCH = 10_000
"""Rows that are given to the index at a time."""
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
    from ftdojo import tasks

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
    make = getattr(OverlapIndex, "from_texts", None) or OverlapIndex.of
    index = make(evaluation)
    build = time.perf_counter() - begun
    seconds, cpu, wrong = 0.0, 0.0, 0
    copies: dict[float, list[bool]] = {share: [] for share in EDITS}
    for start in range(0, rows, BATCH):
        batch, shares = [], []
        for number in range(start, min(rows, start + BATCH)):
            copy = number % COPIES == 0
            share = EDITS[number // COPIES % len(EDITS)]
            batch.append([edited(rng, rng.choice(evaluation), share) if copy else text(rng), "yes"])
            shares.append(share if copy else None)
        begun, begun_cpu = time.perf_counter(), time.process_time()
        kept = set(index.keep(batch))
        seconds += time.perf_counter() - begun
        cpu += time.process_time() - begun_cpu
        for number, share in enumerate(shares):
            if share is not None:
                copies[share].append(number not in kept)
            wrong += share is None and number not in kept
    return {
        "rows": rows,
        "items": items,
        "build_s": build,
        "seconds": seconds,
        "us_per_row": 1e6 * seconds / rows,
        "cpu_us_per_row": 1e6 * cpu / rows,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "found": {share: fmean(found) for share, found in copies.items() if found},
        "wrong": wrong,
    }


def measure_peer(folder: Path, rows: int, items: int) -> dict[str, Any]:
    """Measure the build in a checkout, with the Python of its environment."""
    options = ["--rows", str(rows), "--items", str(items), "--one"]
    command = [str(folder / ".venv/bin/python"), __file__, *options]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # type: ignore[no-any-return]


def show(name: str, size: dict[str, Any]) -> None:
    """Print one measurement."""
    print(
        f"{name:5} {size['rows']:9,} rows  {size['seconds']:8.2f} s  {size['us_per_row']:6.1f} us/row "
        f"({size['cpu_us_per_row']:.1f} of the processor)  peak {size['peak_mib']:6.1f} MiB  found "
        + ", ".join(f"{found:.0%} of copies with {float(share):.0%} edited" for share, found in size["found"].items())
        + f"; {size['wrong']} wrong",
        flush=True,
    )


def main() -> None:
    """Measure several sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=2_000)
    parser.add_argument("--peer", type=Path, help="a checkout of an earlier build, with its environment in .venv")
    parser.add_argument("--one", action="store_true", help="measure one size in this process, and print it as JSON")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.rows, arguments.items)))
        return
    from ftdojo import tasks

    sizes = []
    for share in SHARES:
        rows = max(1, round(share * arguments.rows))
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            size = pool.apply(measure, (rows, arguments.items))
        show("this", size)
        if arguments.peer:
            size["peer"] = measure_peer(arguments.peer, rows, arguments.items)
            show("peer", size["peer"])
            print(f"      {size['peer']['cpu_us_per_row'] / size['cpu_us_per_row']:.1f} times as fast", flush=True)
        sizes.append(size)
    twins = [twin(name) for name in tasks.ids() if "twin" in tasks.get(name).variants]
    for one in twins:
        found = "  ".join(f"{share:4.0%}" for share in one["found"].values())
        print(f"{one['task']:26}  wrong {one['wrong']:.1%}  found {found}", flush=True)
    if arguments.json:
        print(json.dumps({"benchmark": "overlap", "sizes": sizes, "twins": twins}))


if __name__ == "__main__":
    main()
