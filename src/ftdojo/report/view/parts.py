"""The parts of a page: :class:`Report` from top to bottom, and its components."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ftdojo.contract.feedback import ErrorSample
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import Score
from ftdojo.contract.submission import PlannedChange
from ftdojo.findings import Finding
from ftdojo.report.advice import Step

LIST = 24
"""Maximum number of entries shown of a list whose length an agent or a data set decides."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Some(Generic[T]):
    """The first entries of a list, and how many are not shown."""

    shown: Sequence[T]
    hidden: int

    @classmethod
    def of(cls, entries: Iterable[T], limit: int = LIST) -> Some[T]:
        """At most ``limit`` of ``entries``."""
        every = list(entries)
        return cls(every[:limit], max(0, len(every) - limit))


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and its value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Card:
    """A key figure at the top of the page."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """A model, or answers without training, with the scores on validation and test."""

    label: str
    scores: list[str]
    """Empty where there is none."""
    best: bool


@dataclass(frozen=True, slots=True)
class GuardRow:
    """A guard task, with the scores of the base model and of the best one."""

    task: str
    base: str
    best: str
    """Empty if the base model is the best."""
    difference: str
    without_training: list[tuple[str, str]]
    """Answers without any training, in words, with their scores. Older builds did not measure them."""
    warning: str
    """Why the difference cannot show that the task was forgotten; empty if it can."""


@dataclass(frozen=True, slots=True)
class ClassRow:
    """A class, with the share of its items that each model answers rightly."""

    answer: str
    items: int
    scores: list[str]
    """One for each model, with its interval."""


@dataclass(frozen=True, slots=True)
class ClassTable:
    """The classes of a classification."""

    models: list[str]
    rows: list[ClassRow]


@dataclass(frozen=True, slots=True)
class ExampleCard:
    """A test item for the owner of the run."""

    title: str
    question: str
    answers: list[tuple[str, str, str]]
    """Model, output, and whether it is right."""
    right: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One iteration in the table."""

    number: int
    hypothesis: str
    changes: Some[PlannedChange]
    score: str
    difference: str
    status: str
    reason: str
    duration: str
    detailed: bool
    """Whether its details are also shown."""


@dataclass(frozen=True, slots=True)
class Subtasks:
    """The core metric by sub-task and model."""

    models: list[str]
    best: int
    """Index of the best one in ``models``."""
    rows: Some[tuple[str, list[str]]]
    """A sub-task and its value for every model."""
    total: list[str]
    """The core metric over all sub-tasks."""
    hidden: int
    """Evaluated iterations that have no column."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """The beginning of one submitted file."""

    name: str
    content: str
    note: str


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call of the planner to a language model."""

    purpose: str
    used: str
    reply: str
    """The beginning of the reply, or why there was none."""
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """The details of one iteration."""

    row: Row
    best: bool
    iteration: Iteration
    outcome: str
    """The outcome, shown next to the expectation."""
    intent: list[Fact]
    """What the plan says besides its hypothesis: its author, its risk, what would refute it, the next steps."""
    evidence: Some[str]
    calls: Some[CallRow]
    data_calls: list[Fact]
    """The data program's calls to language models, by model: too many to be listed one by one."""
    changes: Some[PlannedChange]
    findings: Some[Finding]
    execution: list[Fact]
    data: list[Fact]
    mixture: Some[Fact]
    training: list[Fact]
    evaluation: list[Fact]
    errors: Some[Fact]
    metrics: Some[Fact]
    files: list[SourceFile]
    samples: Some[ErrorSample]


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the budget."""

    name: str
    spent: str
    limit: str
    note: str = ""
    """Why more was spent than the limit; how the limit was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything on the page, top to bottom."""

    title: str
    objective: str
    identity: list[Fact]
    verdict: str
    model: str
    """The folder of the best model; empty if the base model is the best, or while the run goes on."""
    steps: list[Step]
    """What to do now, in commands; empty while the run goes on."""
    command: str
    """The command that runs the same again in another folder."""
    ending: str
    """Why no further submission was tried."""
    cards: list[Card]
    scores: list[ScoreRow]
    guard: list[GuardRow]
    """The tasks that a model must not forget."""
    lines: Sequence[tuple[str, float]]
    """Name and validation score of what needs no training."""
    classes: ClassTable | None
    """Of a classification: the test items of each class that are answered rightly."""
    examples: list[ExampleCard]
    more: list[Fact]
    """What would more buy."""
    metric: str
    baseline: Score | None
    iterations: list[Iteration]
    best: int
    """Number of the best iteration; 0 is the base model."""
    rows: list[Row]
    subtasks: Subtasks | None
    details: Some[Detail]
    test: str
    """When and how often test was opened."""
    budget: list[Account]
    digests: list[Fact]
    versions: list[Fact]
