"""How do a long record and a large raw file scale? Each figure is measured in a process of its own.

    python benchmarks/scale.py [--iterations 100000] [--rows 1000000] [--json]

- ``ledger``: so many iterations are appended to a ledger with the real synchronization of the disk; then its chain is
  checked, and its history is read at once.
- ``rows``: so many small rows are profiled, as ``ftdojo data show`` and every run do, and read through a recipe, as
  the sandbox does.

Printed are seconds and the peak of the memory in MiB, less that of a process that only imports the same modules.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parents[1] / "tests/record/events-1e8ec7a.jsonl"


def append(folder: Path, count: int) -> None:
    """Write a ledger with ``count`` iterations."""
    from ftdojo.record import Ledger

    events = [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()]
    by_kind = {event["kind"]: json.loads(event["payload"]) for event in events}
    with Ledger(folder) as ledger:
        ledger.append("configuration", by_kind["configuration"])
        ledger.append("baseline", by_kind["baseline"])
        iteration = by_kind["iteration"]
        for number in range(1, count + 1):
            ledger.append("iteration", {**iteration, "iteration": {**iteration["iteration"], "number": number}})


def check_chain(folder: Path, _: int) -> None:
    """Compute all links again."""
    from ftdojo.record import Ledger

    with Ledger(folder, writable=False) as ledger:
        assert ledger.find_broken() is None


def read_history(folder: Path, count: int) -> None:
    """Derive the history of the run."""
    from ftdojo.record import Ledger
    from ftdojo.record.history import History

    with Ledger(folder, writable=False) as ledger:
        assert len(History(ledger).iterations) == count


def write_rows(folder: Path, count: int) -> None:
    """Write a raw file of ``count`` small rows."""
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as stream:
        for number in range(count):
            stream.write(json.dumps({"text": f"Request {number} of somebody.", "label": "yes" if number % 3 else "no"}))
            stream.write("\n")


def profile_rows(folder: Path, count: int) -> None:
    """Profile the raw file."""
    from ftdojo.data import profile

    assert profile(folder).files[0].rows == count


def draw_rows(folder: Path, _: int) -> None:
    """Draw 2,000 rows with a recipe."""
    from ftdojo.contract.recipe_program import mix

    source = {"path": "rows.jsonl", "prompt": "{{ text }}", "completion": "{{ label }}"}
    recipe = {
        "sources": [{**source, "where": "", "subtask": "", "weight": 1.0}],
        "deduplicate": True, "balance": "completion", "max_completion_chars": 100, "max_rows": 2000, "seed": 0,
    }  # fmt: skip
    assert len(mix(recipe, folder, 2000)) == 2000


def _import(_: Path, __: int) -> None:
    import ftdojo.contract.recipe_program
    import ftdojo.data
    import ftdojo.record.history  # noqa: F401


def measure(step: Callable[[Path, int], None], folder: Path, count: int) -> tuple[float, float]:
    """Return the seconds and the peak memory in MiB of a step in a new process."""
    context = multiprocessing.get_context("spawn")
    inner, outer = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(step, folder, count, outer))
    process.start()
    outer.close()
    seconds, mebibytes = inner.recv()
    process.join()
    return seconds, mebibytes


def _measured(step: Callable[[Path, int], None], folder: Path, count: int, result: Any) -> None:
    begun = time.monotonic()
    step(folder, count)
    result.send((time.monotonic() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def main() -> None:
    """Measure all steps and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    steps = [(step, given.iterations) for step in (append, check_chain, read_history)]
    steps += [(step, given.rows) for step in (write_rows, profile_rows, draw_rows)]
    with tempfile.TemporaryDirectory(prefix="ftdojo-scale-") as scratch:
        _, least = measure(_import, Path(scratch), 0)
        found = {}
        for step, count in steps:
            folder = Path(scratch, "ledger" if count == given.iterations and step not in ROWS else "rows")
            folder.mkdir(exist_ok=True)
            seconds, peak = measure(step, folder, count)
            found[step.__name__] = {"count": count, "seconds": round(seconds, 1), "MiB": round(peak - least, 1)}
            if not given.json:
                print(f"{step.__name__:<14} {count:>9,}  {seconds:8.1f} s  {peak - least:8.1f} MiB")
    if given.json:
        print(json.dumps(found))


ROWS = (write_rows, profile_rows, draw_rows)

if __name__ == "__main__":
    main()
