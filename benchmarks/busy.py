"""How much slower answers come when other programs need the processors, with and without our limit on spinning.

    python benchmarks/busy.py [--answers 48] [--rounds 3] [--json]

The embedded model answers prompts in a process of its own, once with the spin count of GNU OpenMP as it is by default,
once with that of ``ftdojo``: on the machine as it is, and next to one busy program for each processor. Printed are the
medians over the rounds, which alternate, and their ratios. Run it where nothing else runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ftdojo import models
from ftdojo.cli import SPINS
from ftdojo.inference import TransformersEngine
from ftdojo.record import Home

LIBRARY = 300_000
"""The default of GNU OpenMP when there are at least as many processors as threads."""
TOKENS = 32


def answer(count: int) -> float:
    """Return the seconds that the embedded model takes for this number of answers."""
    engine = TransformersEngine(models.resolve(models.EMBEDDED, Home.default().root))
    prompts = [[{"role": "user", "content": f"Write a line about the number {i}."}] for i in range(count)]
    engine.generate(prompts[:4], max_new_tokens=4)
    begun = time.monotonic()
    engine.generate(prompts, max_new_tokens=TOKENS)
    return time.monotonic() - begun


def measure(count: int, spins: int) -> float:
    """Return the same of a process with this spin count."""
    command = [sys.executable, __file__, "--child", "--answers", str(count)]
    environment = {**os.environ, "GOMP_SPINCOUNT": str(spins)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout)


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Run this number of programs that compute without end."""
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(answer(given.answers))
        return
    found = {}
    for name, programs in {"idle": 0, "busy": os.cpu_count() or 1}.items():
        with busy(programs):
            pairs = [[measure(given.answers, spins) for spins in (LIBRARY, SPINS)] for _ in range(given.rounds)]
        library, ours = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
        found[name] = {"library_s": library, "ours_s": ours, "ratio": library / ours}
    if given.json:
        print(json.dumps(found, indent=2))
        return
    print(f"load before: {os.getloadavg()[0]:.1f}; seconds for {given.answers} answers of {TOKENS} tokens")
    for name, line in found.items():
        print(f"{name}: default {line['library_s']:.1f}, ftdojo {line['ours_s']:.1f}, ratio {line['ratio']:.2f}")


if __name__ == "__main__":
    main()
