"""Fuzz every target for a time: `make fuzz`, or

    python tests/fuzz/run.py [--seconds 60] [--only TEXT]

A target is a test of ``test_fuzz.py``. It is run again and again, thousands of new examples each time, until its time
is up or it fails; what failed is shown as pytest shows it, and kept by hypothesis for the next run. The status is 1 if
any did.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

FILE = Path(__file__).with_name("test_fuzz.py")


def pytest(*arguments: str, quiet: bool) -> subprocess.CompletedProcess[str]:
    """Run pytest; what it prints is shown unless ``quiet``."""
    command = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE if quiet else None, text=True, check=False)


def main() -> int:
    """Go through the targets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--only", default="", help="targets whose name holds this text")
    given = parser.parse_args()
    listed = pytest("--collect-only", str(FILE), quiet=True).stdout.splitlines()
    targets = [line for line in listed if "::" in line and given.only in line]
    failed = []
    for number, target in enumerate(targets, start=1):
        print(f"[{number}/{len(targets)}] {target.partition('::')[2]}", flush=True)
        deadline = time.monotonic() + given.seconds
        while time.monotonic() < deadline:
            options = ("--hypothesis-profile", "fuzz", "--timeout", "0", "--tb", "short")
            if pytest(target, *options, quiet=False).returncode:
                failed.append(target)
                break
    print(f"{len(targets)} targets, {len(failed)} failed", *failed, sep="\n  ")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
