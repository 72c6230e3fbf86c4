"""Contests of runs that were made elsewhere, to pack them: each contest has one contestant and one seed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from ftdojo.bench import Suite, SuiteRecord

SUITE = """
name = "small"
tasks = ["{task}"]
models = ["{models}"]
agents = [{{name = "qwen", agent = "ft-agent", planner = "openai:qwen3", base_url = "http://10.1.2.3:8000/v1"}}]
seeds = [0]
[budgets.short]
wall = "20m"
"""


def make_contest(folder: Path, task: Path, runs: Mapping[Path, Path]) -> list[str]:
    """Make a contest on ``task`` in ``folder``, of copies of runs (base model -> run); return the job folders."""
    path = folder.with_suffix(".toml")
    path.write_text(SUITE.format(task=task, models='", "'.join(map(str, runs))))
    suite = Suite.load(path)
    with SuiteRecord(folder, suite):
        pass
    jobs = [job.folder for job in suite.jobs()]
    for job, run in zip(jobs, runs.values(), strict=True):
        shutil.copytree(run, folder / job)
    return jobs
