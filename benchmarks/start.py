"""How long does ftdojo take until it says something? Seconds of a new process, the least of several.

    python benchmarks/start.py [--repeats 5] [--json]

- ``help``: ``ftdojo --help``, to its end.
- ``first line``: ``ftdojo run``, to its first line on standard error.
- ``begun``: the same, to the line that names its task and its base model: the options are checked by then.

The files that Python reads are in the cache of the disk after the first of the repeats. A run works in a folder of its
own and is ended with SIGINT after that line; data and models come from the home of ftdojo, as in every run.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

RUN = ["run", "chemistry/mol_und", "--budget", "10m"]


def time_help() -> float:
    """Seconds of ``ftdojo --help``."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-m", "ftdojo", "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def time_first_line() -> float:
    """Seconds to the first line of a run."""
    return _time_line(lambda _: True)


def time_begun() -> float:
    """Seconds to the line that names the task and the base model."""
    return _time_line(lambda line: "loading the libraries" not in line)


def _time_line(wanted: Callable[[str], bool]) -> float:
    with tempfile.TemporaryDirectory(prefix="ftdojo-start-") as folder:
        command = [sys.executable, "-m", "ftdojo", *RUN, "--out", str(Path(folder, "run"))]
        begun = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            line = next((line for line in process.stderr if wanted(line)), None)
            seconds = time.perf_counter() - begun
            process.send_signal(signal.SIGINT)
            process.stderr.read()
    if line is None:
        sys.exit("the run ended without such a line; try `ftdojo doctor`")
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    steps = {"help": time_help, "first line": time_first_line, "begun": time_begun}
    found = {name: min(step() for _ in range(arguments.repeats)) for name, step in steps.items()}
    for name, seconds in found.items():
        print(f"{name:<12}{seconds:7.2f} s")
    if arguments.json:
        print(json.dumps({"benchmark": "start", "unit": "s", **found}))


if __name__ == "__main__":
    main()
