"""The machine-readable result of a run: ``result.json``, a stable format."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ftdojo.findings import Finding
from ftdojo.stats import Estimate

Outcome = Literal["scored", "invalid", "no_submission", "out_of_budget", "disqualified", "infrastructure_error"]
"""A closed set. ``scored``: at least one submission was evaluated; the best model, which may be the base, was tested.
``no_submission``: the agent handed in nothing. ``invalid``: no submission passed the gates. ``out_of_budget``: the
budget ended before one was evaluated. ``disqualified``: what was to be tested is not what the environment trained, or
the rules were broken; nothing is scored on test then. A zero is only ever a measured zero."""


class Result(BaseModel):
    """Base of the result's parts: frozen, closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Score(Result):
    """A value of the core metric with its 95 % interval over ``n`` items."""

    metric: str
    value: float
    interval: tuple[float, float]
    n: int

    @classmethod
    def of(cls, metric: str, estimate: Estimate) -> Score:
        """A score from an estimate in the metric's unit."""
        return cls(metric=metric, value=estimate.value, interval=(estimate.low, estimate.high), n=estimate.n)

    def __str__(self) -> str:
        return f"{self.metric} {self.value:.1f} [{self.interval[0]:.1f}, {self.interval[1]:.1f}], n = {self.n}"


class ScorePair(Result):
    """A model's scores; ``None`` where it was not scored on that split."""

    validation: Score | None
    test: Score | None


class Best(ScorePair):
    """The best accepted model; iteration 0 is the untouched base."""

    iteration: int


class Change(Result):
    """One change against the parent and what it was expected to do."""

    key: str
    before: str
    after: str
    expected: str


class StageSeconds(Result):
    """Seconds per stage of one iteration, as charged to the budget."""

    plan: float = 0.0
    data: float = 0.0
    train: float = 0.0
    evaluate: float = 0.0


class IterationResult(Result):
    """What one iteration tried and what came of it."""

    number: int
    hypothesis: str
    changes: list[Change]
    accepted: bool
    validation: Score | None
    findings: list[Finding]
    seconds: StageSeconds


class LlmUsage(Result):
    """Tokens and cost of LLM calls."""

    input_tokens: int
    output_tokens: int
    cost_usd: float


class BudgetUsed(Result):
    """What the run spent."""

    wall_s: float
    device_s: float
    submissions: int
    llm: LlmUsage


class RunResult(Result):
    """The whole result."""

    run: str
    task: str
    variant: str
    model: str
    agent: str
    planner: str
    seed: int
    outcome: Outcome
    reasons: list[str] = Field(default_factory=list)
    """Why it was disqualified."""
    baseline: ScorePair
    best: Best
    iterations: list[IterationResult]
    budget: BudgetUsed
    versions: dict[str, str]
    digests: dict[str, str]
    """Of the data, the base model and the task."""
    ledger: str = ""
    """The last link of the record before this result: who notes it can hold the record to it."""
