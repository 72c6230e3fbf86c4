"""The jobs that a suite would run, with an estimate of time and cost."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from ftdojo import agents
from ftdojo.bench.record import durations, finished
from ftdojo.bench.suite import Job, Suite
from ftdojo.contract.budget import parse_duration

SETUP_S = 60.0
"""Seconds added to a job's budget for loading and for the test, until a similar job has been run here."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The jobs of a suite, and an estimate for those that are missing."""

    jobs: list[Job]
    missing: list[Job]
    seconds: float
    """Estimated seconds of the missing jobs, with ``slots`` of them at once."""
    measured: bool
    """Whether jobs of every contestant that were run here give the estimate; else it is the maximum of the budgets."""
    cost_usd: float | None
    """Maximum cost of the planners; ``None`` if a budget does not limit it."""


def plan(suite: Suite, out: Path, slots: int) -> Plan:
    """Plan a suite. Nothing is run or written.

    The expected time of a job is the mean time of the contestant's other jobs in this folder with the same budget; if
    there are none, it is the job's wall-clock budget plus :data:`SETUP_S`.
    """
    jobs = suite.jobs()
    missing = [job for job in jobs if not finished(out, job)]
    took = defaultdict(list)
    before = durations(out)
    for job in jobs:
        if job.folder in before and job not in missing:
            took[job.contestant.name, job.setting].append(before[job.folder])

    def expected(job: Job) -> float:
        known = took.get((job.contestant.name, job.setting))
        return fmean(known) if known else parse_duration(job.limits.wall) + SETUP_S

    asking = [job for job in missing if job.contestant.mcp or job.contestant.planner != agents.PLAYBOOK]
    # What the model of an outside agent costs is not charged to its budget, so no limit holds for it.
    limits = [None if job.contestant.mcp else job.limits.cost for job in asking]
    return Plan(
        jobs=jobs,
        missing=missing,
        seconds=sum(map(expected, missing)) / slots,
        measured=all((job.contestant.name, job.setting) in took for job in missing),
        cost_usd=None if None in limits else sum(limit for limit in limits if limit is not None),
    )
