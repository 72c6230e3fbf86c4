"""The example task with the real model: what the README promises."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples/support_tickets"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_users_task_improves(tmp_path: Path) -> None:
    options = ["--budget", "10m", "--max-iterations", "3", "--out", str(tmp_path / "run"), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "ftdojo", "run", str(EXAMPLE), *options], capture_output=True, text=True, check=True
    )
    result = json.loads(done.stdout)
    assert result["outcome"] == "scored"
    assert len(result["iterations"]) >= 2
    assert result["best"]["test"]["interval"][0] > result["baseline"]["test"]["interval"][1]
    assert result["to_trivial"]["better"], "than a constant and than examples in the prompt"
