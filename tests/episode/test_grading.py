"""What the grading process tells its parent."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from ftdojo import tasks
from ftdojo.episode.grading import Grade
from ftdojo.tasks.spec import ItemScore


@pytest.mark.parametrize("metrics", [{}, {"metrics": {"mae": 0.5}}])
def test_a_grade_survives_the_way_as_json(metrics: dict[str, Any]) -> None:
    verdicts = [ItemScore(id=str(i), subtask="", score=float(i < 3), parsed=True, **metrics) for i in range(4)]
    grade = Grade.of(tasks.get("math/aime24"), verdicts, predictions=Path("p.jsonl"), model="m")
    assert grade.score.value == 75
    assert Grade.model_validate_json(grade.model_dump_json()) == grade
    assert [item.score for item in grade.items] == [1, 1, 1, 0]


PARENT = """
import sys, time
from ftdojo.episode import grading
with open(sys.argv[1], "w+") as complaints, grading._start_process(complaints) as process:
    print(process.pid, flush=True)
    time.sleep(60)
"""


def test_the_grading_process_dies_with_its_parent(tmp_path: Path) -> None:
    """Killed while it still imports, which takes longer than the test waits, and long before it would see that nobody
    is there any more."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, tmp_path / "err"], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    grading = psutil.Process(int(parent.stdout.readline()))
    while "ftdojo.episode.grading" not in grading.cmdline()[:4]:  # until the helper that started it is replaced
        time.sleep(0.01)
    parent.kill()
    parent.wait()
    gone, _ = psutil.wait_procs([grading], timeout=0.5)
    assert gone or grading.status() == psutil.STATUS_ZOMBIE
