"""A job of a contest as a process of its own."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psutil
import pytest

from ftdojo.bench.process import Ending, JobProcess, Start


def ending(process: JobProcess) -> Ending:
    for _ in range(600):
        if found := process.poll():
            return found
        time.sleep(0.1)
    raise AssertionError("the job did not end")


@pytest.mark.parametrize(
    ("removed", "why"),
    [(False, "No such command 'no-such-command'"), (True, "job.log cannot be read: No such file")],
)
def test_the_end_of_its_output_says_why_it_ended_if_that_is_still_there(
    tmp_path: Path, removed: bool, why: str
) -> None:
    log = tmp_path / "job/job.log"
    process = JobProcess(Start(arguments=["no-such-command"], suite=tmp_path, log=log, deadline_s=60))
    if removed:
        log.unlink()
    found = ending(process)
    assert found.status == 2
    assert why in found.why


def test_a_job_that_was_stopped_is_killed_at_its_deadline(tmp_path: Path) -> None:
    start = Start(arguments=["ui", str(tmp_path), "--no-open"], suite=tmp_path, log=tmp_path / "job.log", deadline_s=2)
    before = set(psutil.Process().children())
    process = JobProcess(start)
    (job,) = set(psutil.Process().children()) - before
    job.suspend()
    found = ending(process)
    assert found.status == -signal.SIGKILL
    assert found.why.startswith("hung and was killed")
