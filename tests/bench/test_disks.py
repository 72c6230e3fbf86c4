"""Contests on disks that are full or read-only, and under a clock that jumps: the record and the leaderboard are as if
nothing had happened, once there is room."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ftdojo.bench import Suite, SuiteRecord, execute, leaderboard
from ftdojo.bench.process import Ending, JobProcess, Start
from ftdojo.bench.record import durations
from ftdojo.contract.progress import Silent
from ftdojo.disk import disk_errors
from ftdojo.errors import FtdojoError, InfrastructureError
from ftdojo.report.leaderboard import write_leaderboard
from machine import full, let_clock_jump, needs_mount, read_only, with_disk
from synthetic_contest import SUITE, Instant, items, write_run


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    path = tmp_path / "suite.toml"
    path.write_text(SUITE)
    return Suite.load(path)


class Jobs(Instant):
    """Jobs that have ended when they are started: a finished run is copied, and the machine's errors end it as they end
    a process."""

    def __init__(self, suite: Suite, runs: Path) -> None:
        self._failures: dict[Path, str] = {}
        for number, job in enumerate(suite.jobs()):
            best = items([float(i < 20 + 10 * number) for i in range(60)])
            write_run(runs, job, items([0.0] * 60), best, validation=[40.0])

        def finish(folder: Path) -> None:
            place = folder.relative_to(folder.parents[4])
            try:
                with disk_errors(folder):
                    for file in (runs / place).iterdir():
                        folder.mkdir(parents=True, exist_ok=True)
                        shutil.copyfile(file, folder / file.name)
            except FtdojoError as error:
                (folder / "result.json").unlink(missing_ok=True)
                self._failures[folder] = error.message

        super().__init__(1, finish)

    def collect(self) -> list[tuple[Path, Ending]]:
        """As :meth:`Instant.collect`, with the failures."""
        return [(f, Ending(3, self._failures.pop(f)) if f in self._failures else e) for f, e in super().collect()]


def play(suite: Suite, out: Path, jobs: Jobs) -> str:
    """Run a contest, and return its leaderboard as text."""
    with SuiteRecord(out, suite) as record, jobs as executor:
        execute(record, executor, Silent())
        missing = [job for job in suite.jobs() if not record.finished(job)]
    if missing:
        raise InfrastructureError(f"{missing[0]} has no result")
    return write_leaderboard(out, leaderboard(out)).with_suffix(".md").read_text()


@needs_mount
@pytest.mark.parametrize("left_kib", [64, *(pytest.param(k, marks=pytest.mark.slow) for k in range(0, 300, 36))])
def test_a_contest_on_a_disk_that_fills_up_goes_on_when_there_is_room(
    suite: Suite, tmp_path: Path, left_kib: int
) -> None:
    jobs = Jobs(suite, tmp_path / "runs")
    expected = play(suite, tmp_path / "whole", jobs)
    (disk := tmp_path / "disk").mkdir()
    out = disk / "out"

    def work() -> None:
        with full(disk, left_kib * 2**10), pytest.raises(InfrastructureError):
            play(suite, out, jobs)
        assert not list(disk.rglob("*.tmp"))
        assert play(suite, out, jobs) == expected

    with_disk(disk, "size=16m", work)


@needs_mount
def test_a_contest_on_a_read_only_disk_says_so(suite: Suite, tmp_path: Path) -> None:
    jobs = Jobs(suite, tmp_path / "runs")
    (disk := tmp_path / "disk").mkdir()
    log = disk / "jobs/attempt-1.log"
    start = Start(arguments=["--version"], suite=disk, log=log, deadline_s=60)
    acts: list[Callable[[], object]] = [
        lambda: play(suite, disk / "out", jobs),
        lambda: play(suite, disk / "new", jobs),
        lambda: write_leaderboard(disk / "out", leaderboard(disk / "out")),
        lambda: JobProcess(start),
    ]

    def work() -> None:
        play(suite, disk / "out", jobs)
        with read_only(disk):
            for act in acts:
                with pytest.raises(InfrastructureError, match="Read-only file system"):
                    act()
            assert leaderboard(disk / "out").suite == "small"

    with_disk(disk, "size=16m", work)


def test_a_contest_whose_clock_jumps_has_the_same_leaderboard(
    suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = Jobs(suite, tmp_path / "runs")
    expected = play(suite, tmp_path / "whole", jobs)
    let_clock_jump(monkeypatch, 0, -1000, 24 * 365 * 50, 1, -5)
    assert play(suite, tmp_path / "out", jobs) == expected
    assert all(0 <= seconds < 60 for seconds in durations(tmp_path / "out").values())
