"""A run on a disk that is too small, at whatever it was doing, says so; with more room the same command ends it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
mount -t tmpfs -o "size=$1" none "$2"; shift
place=$1; shift
status=0; "$@" >"$place.first" 2>&1 || status=$?
mount -o remount,size=1g "$place"
echo "$status"; exec "$@"
"""


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
@pytest.mark.parametrize("size", ["64k", "160k", "400k"])
def test_a_run_on_a_small_disk(tmp_path: Path, approve: Path, tiny_model: Path, size: str) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    tmp_path.chmod(0o755)
    options = ["--model", str(tiny_model), "--max-iterations", "2", "--budget", "10h", "--json"]
    command = [sys.executable, "-m", "ftdojo", "run", str(approve), *options, "--out", str(place / "run")]
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-ec", SCRIPT, "sh", size, place, *command],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "FTDOJO_HOME": str(place / "home")},
    )
    status, _, document = done.stdout.partition("\n")
    first = Path(f"{place}.first").read_text("utf-8")
    assert (int(status), "Traceback" in first) == (3, False), first[-2000:]
    assert "no space left" in first or "cannot be used" in first
    assert json.loads(document)["outcome"] == "scored"
