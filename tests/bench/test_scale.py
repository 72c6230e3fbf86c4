"""What a large contest costs, in operations: benchmarks/scale.py prints seconds and memory."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ftdojo.bench import Suite, SuiteRecord, execute, leaderboard
from ftdojo.contract.progress import Silent
from ftdojo.record import Ledger, RunFolder
from ftdojo.tasks.spec import ItemScore
from synthetic_contest import Instant, items, write_run

SUITE = """
name = "large"
tasks = ["math/aime24", "math/aime25", "finance/financeiq", "table/fact_checking"]
models = ["smollm2-135m"]
agents = ["base", "single-shot"]
seeds = [0, 1, 2, 3]
[budgets.short]
wall = "2m"
"""
JOBS, TASKS = 32, 4


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    path = tmp_path / "suite.toml"
    path.write_text(SUITE)
    return Suite.load(path)


def put_result(folder: Path) -> None:
    folder.mkdir(parents=True)
    RunFolder(folder).result.write_text("{}")


def test_jobs_that_run_at_once_are_asked_for_together_and_the_record_is_read_once(
    suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    read = Ledger.read

    def counted(*arguments: Any, **given: Any) -> Any:
        reads.append(arguments)
        return read(*arguments, **given)

    monkeypatch.setattr(Ledger, "read", counted)
    with SuiteRecord(tmp_path / "out", suite) as record, Instant(8, put_result) as executor:
        execute(record, executor, Silent())
        jobs = suite.jobs()
        assert [record.attempts(job) for job in jobs] == [1] * JOBS
        assert executor.asked == JOBS / executor.capacity
        assert len(reads) == 1
        again = record.begin_attempt(jobs[0])
    assert again == 2
    with SuiteRecord(tmp_path / "out", suite) as record:
        assert (record.attempts(jobs[0]), record.attempts(jobs[1])) == (2, 1)


class Watcher(Silent):
    """Counts the verdicts on single items that are in memory before the records of a task are read."""

    def __init__(self) -> None:
        self.most = 0

    def update(self, stage: str, done: float, total: float, note: str = "") -> None:
        self.most = max(self.most, sum(isinstance(one, ItemScore) for one in gc.get_objects()))


def test_a_leaderboard_holds_the_items_of_one_task_at_a_time(suite: Suite, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with SuiteRecord(out, suite):
        pass
    verdicts = items([float(i % 3 == 0) for i in range(50)])
    for job in suite.jobs():
        write_run(out, job, verdicts, verdicts, trivial={"majority": verdicts, "few_shot": verdicts})
    gc.collect()
    before, watcher = Watcher(), Watcher()
    before.update("", 0, 0)
    board = leaderboard(out, watcher)
    assert watcher.most == before.most > 0
    assert [cell.seeds for cell in board.boards[0].cells] == [[0, 1, 2, 3]] * TASKS * 4


@pytest.mark.slow
def test_one_call_asks_ray_for_all_jobs() -> None:
    alone = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--"]
    command = [*alone, sys.executable, str(Path(__file__).with_name("two_nodes.py")), "--count-waits"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    rounds, waits, ended = map(int, done.stdout.split())
    assert waits == rounds
    assert ended == 6
