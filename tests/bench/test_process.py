"""A job of a contest as a process of its own."""

from __future__ import annotations

import time
from pathlib import Path

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
