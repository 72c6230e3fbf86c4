"""``leaderboard.json``: the results of a suite. Pages are made from it. The rule of compatibility
is in :mod:`ftdojo.contract.result`.

Everything measured by a clock is under the keys ``cost`` and ``course``; the rest depends only on what the
contestants did.
"""

from __future__ import annotations

from pydantic import Field

from ftdojo.bench.suite import Limits
from ftdojo.contract.feedback import Interval
from ftdojo.contract.options import Teachers
from ftdojo.contract.result import Document, Result, RunOutcome, Score


class TaskLine(Result):
    """A task of a board."""

    id: str
    metric: str
    higher_is_better: bool
    best_value: float
    base: Score
    """The base model's test score."""
    leaders: list[str]
    """The contestant with the best mean, and those that are not shown to be worse."""


class Cell(Result):
    """One contestant on one task."""

    task: str
    contestant: str
    seeds: list[int]
    outcomes: dict[RunOutcome, int]
    score: Score | None
    """Test score: the mean over seeds, with the interval over items and seeds; ``None`` if no run has ended."""
    gain: float | None
    """Position between the base model (0) and a perfect score (1); also ``None`` if the base model is perfect."""
    item_error: float | None
    """The part of the standard error that is due to the items, in the metric's unit."""
    seed_deviation: float | None
    """Standard deviation of single runs, in the metric's unit; ``None`` with one seed, or without runs."""
    runs: dict[int, str]
    """Seed -> folder of the run; none for a contestant that needs no training."""
    seed_scores: dict[int, float] = Field(default_factory=dict)
    """Seed -> test score of the run, in the metric's unit. Older builds did not write it."""


class Pair(Result):
    """Two contestants on one task, paired by item and by seed."""

    task: str
    ours: str
    theirs: str
    difference: Interval
    """``ours`` minus ``theirs`` in the metric's unit, with its own 95 % interval."""
    p_value: float
    """p-value of no difference, after Holm's correction for all pairs and tasks of the board."""
    verdict: int = Field(ge=-1, le=1)
    """1 if ``ours`` is better, -1 if it is worse, at 5 % after the correction; else 0, a tie."""
    seeds_to_separate: int | None
    """Seeds with which a difference of this size would be found with a probability of 80 %, on these items; ``None``
    with fewer than two seeds, or if more than a thousand would be needed."""


class Duel(Result):
    """Two contestants over all tasks."""

    ours: str
    theirs: str
    wins: int
    ties: int
    losses: int
    p_value: float
    """p-value of the sign test, that wins and losses are equally likely."""


class Cost(Result):
    """The spending of a contestant, mean over its runs."""

    wall_s: float
    wall_s_per_iteration: float | None
    device_s: float
    usd_per_iteration: float | None
    usd: float


class Standing(Result):
    """One contestant over all tasks."""

    contestant: str
    agent: str
    planner: str
    tasks: int
    """Tasks on which it has a score."""
    gain: float | None
    """Mean over its tasks of the gain, from the base model (0) to a perfect score (1)."""
    gain_interval: tuple[float, float] | None
    """Interval over tasks as a sample of tasks; ``None`` with fewer than two."""
    rank: float | None
    """Mean rank over the tasks on which every contestant has a score, 1 is best."""
    first: int
    """Tasks on which it is best or tied with the best."""
    runs: int
    outcomes: dict[RunOutcome, int]
    iterations: int
    improving: int
    """Iterations whose model became the best."""
    rejected: int
    """Submissions that a gate stopped."""
    blocked: int
    """Submissions with rows that overlapped evaluation items."""
    teachers: list[Teachers] = Field(default_factory=list)
    """The rules on teachers of its runs: one, if all were made under the same. Older builds did not write it."""
    methods: list[str] = Field(default_factory=list)
    """The training methods of the models that were evaluated. Older builds did not write them."""
    prechecks: int = 0
    """Submissions that were checked for free. Older builds did not count them."""
    precheck_hits: int = 0
    """Those of them with rows that overlapped evaluation items."""
    tokens: int
    """Tokens that LLMs read and wrote."""
    cost: Cost
    trained: bool = True
    """Whether it has runs of its own. Otherwise every run measured what it answers without any training."""


class Course(Result):
    """Progress over time: the mean over runs of the normalized validation score of the best model, by wall clock; of
    what needs no training, the same score from beginning to end."""

    contestant: str
    points: list[tuple[float, float]]
    intervals: list[tuple[float, float]] = Field(default_factory=list, exclude_if=lambda found: not found)
    """The 95 % interval of each point, over runs as a sample of runs. Empty with fewer than two runs, of what needs no
    training, and in files of older builds."""


class Board(Result):
    """Results that may be compared: one variant of the data, one base model, one budget, one version."""

    variant: str
    model: str
    budget: str
    limits: Limits
    prompts: str = Field("", exclude_if=lambda words: not words)
    """Which prompts its runs asked with, in words; empty if they are the tasks' own."""
    versions: dict[str, str]
    tasks: list[TaskLine]
    standings: list[Standing]
    """The best mean gain first."""
    cells: list[Cell]
    pairs: list[Pair]
    duels: list[Duel]
    course: list[Course]


class Missing(Result):
    """A job without a result."""

    job: str
    folder: str
    attempts: int
    failure: str
    """Why its last attempt failed; empty if it was not begun, or interrupted."""


class Leaderboard(Document):
    """All boards of a suite, and its missing jobs."""

    suite: str
    boards: list[Board]
    missing: list[Missing]
    attempts: int
    """At all jobs together."""
