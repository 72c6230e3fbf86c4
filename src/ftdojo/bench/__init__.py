"""Contests: which agent fine-tunes best, under the same budget and gates, over tasks and seeds."""

from ftdojo.bench.compare import leaderboard
from ftdojo.bench.execute import Executor, execute
from ftdojo.bench.plan import Plan, plan
from ftdojo.bench.record import SuiteRecord, is_in_contest, is_suite
from ftdojo.bench.slots import Slot, slots
from ftdojo.bench.suite import Suite

__all__ = [
    "Executor",
    "Plan",
    "Slot",
    "Suite",
    "SuiteRecord",
    "execute",
    "is_in_contest",
    "is_suite",
    "leaderboard",
    "plan",
    "slots",
]
