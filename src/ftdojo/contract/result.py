"""The machine-readable result of a run: ``result.json``.

Rule of compatibility, for ``result.json`` and ``leaderboard.json``. Each has a number, ``format``:

- A file without the number has format 1: files were written so before there was a number.
- A new field with a default keeps the number. Readers ignore fields that they do not know; writers take none.
- Everything else that changes a file (a field that is gone, renamed, or has another meaning) raises the number.
- A reader takes its own format and all lower ones. It refuses a higher one: upgrade ftdojo.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ftdojo.errors import InputError, UsageError
from ftdojo.findings import Finding
from ftdojo.stats import Estimate

RunOutcome = Literal["scored", "invalid", "no_submission", "out_of_budget", "disqualified"]
"""A closed set. ``scored``: at least one submission was evaluated; the best model, which may be the base, was tested.
``no_submission``: the agent handed in nothing. ``invalid``: no submission passed the gates. ``out_of_budget``: the
budget ended before one was evaluated. ``disqualified``: what was to be tested is not what the environment trained, or
the rules were broken; nothing is scored on test then. A zero is only ever a measured zero."""


UNNUMBERED = 1
"""The format of files without a number."""


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


class Document(Result):
    """Base of the files with a format number: see the rule above."""

    newest: ClassVar[int] = 1
    """The highest format that this build reads."""
    format: int = Field(UNNUMBERED, ge=UNNUMBERED)
    """The number of the format."""

    @field_validator("format")
    @classmethod
    def _known(cls, number: int) -> int:
        if number > cls.newest:
            raise ValueError(f"format {number} is newer than {cls.newest}, the newest that this ftdojo reads")
        return number

    @classmethod
    def read(cls, text: str | bytes, where: str) -> Self:
        """Read a file of this kind, made by this build, an older one, or a newer one of the same format.

        Args:
            text: the content of the file.
            where: what to call the file in an error.

        Raises:
            UsageError: if its format is higher than that of this build.
            InputError: if it is not such a file.
        """
        try:
            return cls.model_validate_json(text, extra="ignore")
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False)
        for fault in faults:
            if fault["loc"] == ("format",) and fault["type"] == "value_error":
                raise UsageError(f"{where} was made by a newer ftdojo: {fault['ctx']['error']}", fix="upgrade ftdojo")
        raise InputError([_finding(".".join(map(str, fault["loc"])), fault["msg"], where) for fault in faults])


def _finding(key: str, problem: str, where: str) -> Finding:
    place = f"{where}: {key}" if key else where
    fix = "restore the file from a copy, or have ftdojo write it again"
    return Finding(code="unreadable", gate=0, message=problem, where=place, fix=fix)


class RunResult(Document):
    """The whole result."""

    run: str
    task: str
    variant: str
    model: str
    agent: str
    planner: str
    seed: int
    outcome: RunOutcome
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
