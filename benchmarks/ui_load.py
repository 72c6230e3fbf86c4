"""The live page under load: many runs below a folder, one of which grows all the time, with readers that follow it.

    python benchmarks/ui_load.py                            # 5 minutes, 200 runs, an event every 50 ms, 4 readers
    python benchmarks/ui_load.py --minutes 1 --runs 50

The runs are real ledgers, made as the tests make them. A process of its own writes events: calls of language models,
and every twentieth event a whole iteration. ``ftdojo ui`` is a process of its own, too; its memory is what the system
says.
Readers do what the page does: they follow the events, and load the parts of the run every 2 s and the list every 3 s.
It ends by itself, with status 1 if a reader has missed an event or has seen one twice.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import httpx2
import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import recorded_runs as recorded
from ftdojo.contract.budget import Spent
from ftdojo.record import Ledger, events
from ftdojo.record.history import History

LIVE = "live"
ITERATION_EVERY = 20
SHOWN_S = 15.0


def make_runs(root: Path, number: int) -> None:
    """Make finished runs, and one that has measured its base model."""
    for name, until in (("run-000", "finished"), (LIVE, "baseline")):
        (root / name).mkdir()
        recorded.record(root / name, recorded.STORY, until, {"trivial": (recorded.trivial(), recorded.trivial())}, {})
    for other in range(1, number - 1):
        shutil.copytree(root / "run-000", root / f"run-{other:03d}")


def grow(run: Path, every_s: float, seconds: float) -> int:
    """Write an event every ``every_s`` seconds; return the number of all events."""
    written, began = 0, time.monotonic()
    with Ledger(run) as ledger:
        history = History(ledger)
        before = len(history.events)
        iterations = 0
        while (now := time.monotonic()) < began + seconds:
            if written % ITERATION_EVERY == ITERATION_EVERY - 1:
                iterations += 1
                iteration = recorded.evaluated(iterations, 40.0 + iterations % 20, 6.0 if iterations < 5 else 1.0)
                event: events.RunEvent = events.IterationEnded(iteration=iteration, charge=Spent(submissions=1))
            else:
                event = events.LlmCalled(call=recorded.call("plan", "a reply " * 60), charge=Spent(input_tokens=900))
            ledger.append(event.kind, event.payload())
            written += 1
            time.sleep(max(0.0, began + written * every_s - now))
    return before + written


class Reader:
    """What one open page does."""

    def __init__(self, url: str, over: threading.Event) -> None:
        self._url, self._over = url, over
        self.seen: list[int] = []
        self.times: dict[str, list[float]] = {"parts": [], "points": [], "list": []}
        with self._client() as client:
            page = client.get("/list").text
            found = re.search(rf'<a href="(/run/\w+)">{LIVE}</a>', page)
            assert found
            self._run = found[1]
        loads = {"parts": (f"{self._run}/parts", 2.0), "points": (f"{self._run}/points", 2.0), "list": ("/list", 3.0)}
        self.threads = [self._start(self._follow)]
        self.threads += [self._start(self._load, name, *how) for name, how in loads.items()]

    def _client(self) -> httpx2.Client:
        base = self._url.split("/?", maxsplit=1)[0]
        return httpx2.Client(base_url=base, timeout=60, cookies=httpx2.get(self._url, timeout=60).cookies)

    def _start(self, target: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        thread.start()
        return thread

    def _follow(self) -> None:
        try:
            with self._client() as client, client.stream("GET", f"{self._run}/events") as answer:
                for line in answer.iter_lines():
                    if line.startswith("id: "):
                        self.seen.append(int(line.removeprefix("id: ")))
        except httpx2.RemoteProtocolError:  # the server ends before its readers
            if not self._over.is_set():
                raise

    def _load(self, name: str, address: str, every_s: float) -> None:
        with self._client() as client:
            while not self._over.wait(every_s):
                began = time.monotonic()
                client.get(address).raise_for_status()
                self.times[name].append(time.monotonic() - began)


def main() -> int:
    """Print memory over time, response times, and whether every reader got every event once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--every", type=float, default=0.05, help="seconds between two events")
    parser.add_argument("--grow", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.grow:
        print(grow(options.grow, options.every, 60 * options.minutes))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_runs(root, options.runs)
        command = [sys.executable, "-m", "ftdojo", "ui", str(root), "--no-open"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
            try:
                return measure(root, server, options)
            finally:
                server.terminate()


def measure(root: Path, server: subprocess.Popen[str], options: argparse.Namespace) -> int:
    """Watch the server while the run grows; return the exit status."""
    assert server.stdout
    url, over = server.stdout.readline().strip(), threading.Event()
    wait_until_answered(url)
    pages = [Reader(url, over) for _ in range(options.readers)]
    process, began = psutil.Process(server.pid), time.monotonic()
    how = ["--grow", str(root / LIVE), "--minutes", str(options.minutes), "--every", str(options.every)]
    memory: list[float] = []
    with subprocess.Popen([sys.executable, __file__, *how], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        shown = began
        while writer.poll() is None:
            time.sleep(0.5)
            if time.monotonic() >= shown:
                shown += SHOWN_S
                memory.append(process.memory_info().rss / 2**20)
                print(f"{time.monotonic() - began:5.0f} s  {memory[-1]:7.1f} MiB  {len(pages[0].seen):6d} events read")
        last = int(writer.stdout.read())
    until = time.monotonic() + 30
    while time.monotonic() < until and any(len(page.seen) < last for page in pages):
        time.sleep(0.2)
    whole = [page.seen == list(range(1, last + 1)) for page in pages]
    over.set()
    for name in ("parts", "points", "list"):
        times = sorted(t for page in pages for t in page.times[name])
        high = times[int(0.95 * (len(times) - 1))]
        print(f"{name}: {len(times)} loads, median {median(times):.3f} s, 95 % {high:.3f} s, longest {times[-1]:.3f} s")
    half = memory[len(memory) // 2 :]
    print(f"memory: {memory[len(memory) // 2]:.1f} MiB after half of the time, {half[-1]:.1f} MiB at the end")
    print(json.dumps({"events": last, "readers": len(pages), "each event once": whole}))
    return 0 if all(whole) else 1


def wait_until_answered(url: str) -> None:
    """Wait until the server answers."""
    for _ in range(200):
        try:
            httpx2.get(url, timeout=60)
        except httpx2.ConnectError:
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    sys.exit(main())
