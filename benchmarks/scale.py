"""How do a long record, a large contest and a large raw file scale? Each figure comes from a process of its own.

    python benchmarks/scale.py [--events 100000] [--iterations 100000] [--jobs 10000] [--rows 1000000] [--json]

- ``--events``: events, one iteration to 49 calls of language models, are appended to a ledger with the real
  synchronization of the disk; then its chain is checked, and its history is read at once, as a run and its report do.
- ``--iterations``: the same with nothing but iterations, each of 11 kB; in place of the history the state of the run is
  followed, as ``ftdojo runs`` and the live page do.
- ``--jobs``: a suite is planned and run by the real loop, 1,000 jobs at once. The jobs are simulated: a job that is
  started has a finished run in its folder at once (a link to one of twenty that were written with the real ledger: five
  agents, four tasks, eight iterations, 100 test items). Then the suite is asked for its leaderboard.
- ``--rows``: small rows are profiled, as ``ftdojo data show`` and every run do, and read through a recipe, as the
  sandbox does.

Printed are seconds and the peak of the memory in MiB, less that of a process that only imports the same modules.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ftdojo.bench.suite import Job

TESTS = Path(__file__).parents[1] / "tests"
GOLDEN = TESTS / "record/events-1e8ec7a.jsonl"
CALLS = 50
SLOTS = 1000


def append_events(folder: Path, count: int) -> None:
    """Write a ledger with ``count`` events, most of them calls."""
    _write_ledger(folder, count, CALLS)


def append_iterations(folder: Path, count: int) -> None:
    """Write a ledger with ``count`` iterations."""
    _write_ledger(folder, count + 2, 1)


def _write_ledger(folder: Path, count: int, period: int) -> None:
    """Write a ledger of a run with ``count`` events: of each ``period`` after the first two, one is an iteration."""
    from ftdojo.record import Ledger

    events = [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()]
    by_kind = {event["kind"]: json.loads(event["payload"]) for event in events}
    with Ledger(folder) as ledger:
        ledger.append("configuration", by_kind["configuration"])
        ledger.append("baseline", by_kind["baseline"])
        iteration = by_kind["iteration"]
        for place in range(count - 2):
            number = place // period + 1
            if place % period:
                ledger.append("llm_call", by_kind["llm_call"])
            else:
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
        assert len(History(ledger).events) == count


def check_long_chain(folder: Path, count: int) -> None:
    """Compute all links again."""
    check_chain(folder, count)


def follow_state(folder: Path, count: int) -> None:
    """Take in all events, some at a time."""
    from ftdojo.record.state import RunState, read_new

    state = RunState()
    while found := read_new(folder, state.seq):
        for recorded in found:
            state.take(recorded)
    assert state.iterations == count


def plan_suite(folder: Path, count: int) -> None:
    """Read a suite file and plan its jobs."""
    from ftdojo.bench import Suite, plan
    from leaderboard import SUITE

    path = folder / "suite.toml"
    path.write_text(SUITE.format(seeds=list(range(count // 20))), "utf-8")
    assert len(plan(Suite.load(path), folder / "out", SLOTS).missing) == count


def run_suite(folder: Path, count: int) -> None:
    """Run the suite, with jobs that are over as soon as they are started."""
    from ftdojo.bench import Suite, SuiteRecord, execute
    from ftdojo.contract.progress import Silent

    sys.path.insert(0, str(TESTS))
    from synthetic_contest import Instant

    suite, out = Suite.load(folder / "suite.toml"), folder / "out"
    put = _prepare_runs(suite.jobs(), out)
    with SuiteRecord(out, suite) as record, Instant(SLOTS, put) as executor:
        execute(record, executor, Silent())
        assert all(record.finished(job) for job in suite.jobs())
    assert executor.asked <= 2 * (count // SLOTS) + 2, "the loop asks for all jobs at once"


def make_leaderboard(folder: Path, count: int) -> None:
    """Make the leaderboard of the suite."""
    from ftdojo.bench import leaderboard

    board = leaderboard(folder / "out")
    assert sum(s.runs for s in board.boards[0].standings) == count


def _prepare_runs(jobs: Sequence[Job], out: Path) -> Callable[[Path], None]:
    """Write a finished run for each task and contestant; return what puts it into the folder of a job."""
    from synthetic_contest import items, write_run

    rng = random.Random(0)
    runs: dict[tuple[str, str], Path] = {}
    for job in jobs:
        key = job.task_id, job.contestant.name
        if key not in runs:
            base, best = ([float(rng.random() < skill) for _ in range(100)] for skill in (0.1, 0.4))
            write_run(out / "runs", job, items(base), items(best), validation=[10.0 + 5 * i for i in range(8)])
            runs[key] = out / "runs" / job.folder
    of_folder = {out / job.folder: runs[job.task_id, job.contestant.name] for job in jobs}

    def put(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for file in of_folder[folder].iterdir():
            (folder / file.name).hardlink_to(file)

    return put


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
    from ftdojo.contract.recipe import Recipe, Source
    from ftdojo.contract.recipe_program import mix

    source = Source(path="rows.jsonl", prompt="{{ text }}", completion="{{ label }}")
    recipe = Recipe(sources=[source], balance="completion", max_completion_chars=100, max_rows=2000)
    assert len(mix(recipe.model_dump(), folder, 2000)) == 2000


def _import(_: Path, __: int) -> None:
    import ftdojo.bench
    import ftdojo.contract.recipe
    import ftdojo.contract.recipe_program
    import ftdojo.data
    import ftdojo.record.history
    import ftdojo.record.state  # noqa: F401


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


STEPS = {
    "events": (append_events, check_chain, read_history),
    "iterations": (append_iterations, check_long_chain, follow_state),
    "jobs": (plan_suite, run_suite, make_leaderboard),
    "rows": (write_rows, profile_rows, draw_rows),
}
"""Option that gives the size -> its steps, which share a folder."""


def main() -> None:
    """Measure all steps and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000, help="0 leaves these steps out")
    parser.add_argument("--iterations", type=int, default=100_000, help="0 leaves these steps out")
    parser.add_argument("--jobs", type=int, default=10_000, help="a multiple of 20; 0 leaves these steps out")
    parser.add_argument("--rows", type=int, default=1_000_000, help="2,000 at least; 0 leaves these steps out")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    given = parser.parse_args()
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="ftdojo-scale-") as scratch:
        _, least = measure(_import, Path(scratch), 0)
        for size, steps in STEPS.items():
            count, folder = getattr(given, size), Path(scratch, size)
            folder.mkdir()
            for step in steps if count else ():
                seconds, peak = measure(step, folder, count)
                found[step.__name__] = {"count": count, "seconds": round(seconds, 1), "MiB": round(peak - least, 1)}
                print(f"{step.__name__:<16} {count:>9,}  {seconds:8.1f} s  {peak - least:8.1f} MiB", flush=True)
    if given.json:
        print(json.dumps({"benchmark": "scale", "steps": found}))


if __name__ == "__main__":
    main()
