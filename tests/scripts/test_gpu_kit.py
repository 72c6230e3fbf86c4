"""The script that measures on a GPU, without one: with tiny models every step ends, and a failed one stops no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / "benchmarks/gpu/run.sh"
LIMIT_S = 480


def dry_run(out: Path, *steps: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHON": sys.executable, "ONLY": " ".join(steps)}
    return subprocess.run(
        ["bash", RUN, "--dry", out], capture_output=True, text=True, env=environment, timeout=900, check=False
    )


def test_the_limits_of_all_steps_add_up_to_less_than_eight_minutes() -> None:
    steps = RUN.read_text("utf-8").split("<<'STEPS'\n")[1].split("\nSTEPS\n")[0].splitlines()
    assert len(steps) == 11
    assert sum(int(step.split()[1]) for step in steps) < LIMIT_S


def test_a_step_that_fails_stops_no_other(tmp_path: Path) -> None:
    done = dry_run(tmp_path / "out", "qlora", "machine")
    assert done.returncode == 1
    assert "| machine | gpu |" in done.stdout
    assert "| qlora | ended with status 1 | see qlora.log |" in done.stdout, "there are no models"
    assert "Traceback" in (tmp_path / "out/qlora.log").read_text()
    assert json.loads((tmp_path / "out/results.json").read_text())["steps"]["machine"]["torch"]
    again = dry_run(tmp_path / "out", "machine")
    assert (again.returncode, "not empty" in again.stderr) == (2, True)


@pytest.mark.slow
def test_every_step_that_needs_no_peer_ends_on_any_machine(tmp_path: Path) -> None:
    steps = ["models", "train-ours", "engine-ours", "engine-generate", "forecast", "qlora", "full", "iteration"]
    done = dry_run(tmp_path / "out", *steps)
    assert done.returncode == 0, done.stdout
    found = json.loads((tmp_path / "out/results.json").read_text())
    assert list(found["steps"]) == steps
    assert found["steps"]["engine-generate"]["differ from ours"] == 0
    assert found["steps"]["train-ours"]["last loss"] < found["steps"]["train-ours"]["first loss"]
    assert found["steps"]["iteration"]["written GiB"] > 0
    assert found["ratios"].keys() == {"answers, ours to generate"}
