"""Runs that are killed at random instants end as if nobody had touched them: benchmarks/kills.py, in small."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

LOOP = Path(__file__).parents[2] / "benchmarks/kills.py"


def faults(*options: str) -> list[str]:
    """What the loop found, after all the kills that it was told to make."""
    done = subprocess.run([sys.executable, LOOP, *options, "--json"], capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["kills"] == int(options[1]) == sum(told["victims"].values())
    return list(told["faults"])


def test_a_few_kills_of_a_short_run() -> None:
    assert faults("--kills", "3", "--iterations", "1", "--seed", "1") == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_kills() -> None:
    assert faults("--kills", "60", "--seed", "2") == []
