"""The door between environment and agent: what an agent sees, and the one method that it has.

Everything here is data that could cross a process boundary; agents know the environment only through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from pydantic import ConfigDict, Field

from ftdojo.contract.call import Call, CallLog
from ftdojo.contract.data_profile import DataProfile
from ftdojo.contract.feedback import EvaluationFeedback, Feedback, Interval
from ftdojo.contract.model_info import ModelInfo
from ftdojo.contract.result import Change, IterationResult, Score
from ftdojo.contract.submission import Plan
from ftdojo.contract.task_spec import TaskSpec
from ftdojo.findings import Finding
from ftdojo.schema import StrictModel


class Decision(StrictModel):
    """Whether an evaluated submission replaces the best, decided by arithmetic alone."""

    accepted: bool
    difference: Interval
    reason: str


class Iteration(StrictModel):
    """One finished iteration, exactly as it stands in the ledger."""

    number: int
    digests: dict[str, str]
    """Of the submission's files and of the stages that were made from it."""
    contents: dict[str, str] = Field(default_factory=dict)
    """Of the files in these stages."""
    plan: Plan | None
    """``None`` if the submission's plan could not be read."""
    feedback: Feedback
    decision: Decision | None
    """``None`` if nothing was evaluated."""

    @property
    def accepted(self) -> bool:
        """Whether this iteration's model became the best."""
        return self.decision is not None and self.decision.accepted

    @property
    def score(self) -> Score | None:
        """The validation score, if there is one."""
        return self.feedback.evaluation.score if self.feedback.evaluation else None

    @property
    def verdict(self) -> str:
        """What came of it, in one line."""
        if self.score is not None and self.decision is not None:
            return f"{self.score}; {'accepted' if self.accepted else 'rejected'}: {self.decision.reason}"
        stopped = next((f for f in self.feedback.execution.findings if f.severity == "error"), None)
        return f"stopped at gate {stopped.gate}, {stopped.code}: {stopped.message}" if stopped else "not evaluated"

    def result(self) -> IterationResult:
        """This iteration as it appears in ``result.json``."""
        changes = self.plan.changes if self.plan else []
        return IterationResult(
            number=self.number,
            hypothesis=self.plan.hypothesis if self.plan else "",
            changes=[Change(key=c.key, before=c.before, after=c.after, expected=c.expected) for c in changes],
            accepted=self.accepted,
            validation=self.score,
            findings=self.feedback.execution.findings,
            seconds=self.feedback.execution.seconds,
        )


class Probe(StrictModel):
    """A submission that was tried on a share of its rows, exactly as it stands in the ledger."""

    submission: str
    """Digest of its files."""
    share: float
    """Of its rows, 0 to 1."""
    score: Score | None
    """On validation; ``None`` if it did not get that far."""
    findings: list[Finding]


class Observation(StrictModel):
    """What an agent sees before it proposes."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    task: TaskSpec
    raw_data: DataProfile
    model: ModelInfo
    baseline: EvaluationFeedback
    """The untouched base model on validation."""
    train_rows_per_s: float
    """Measured here: rows as long as this task's prompts that a LoRA training passes a second."""
    evaluate_s: float
    """Measured here: seconds in which the base model answered the validation items."""
    history: list[Iteration]
    best: int
    """Number of the best iteration so far; 0 is the base model."""
    submissions: dict[int, Path]
    """The files of every earlier submission, read-only."""
    remaining: dict[str, float]
    """What is left of each limited account of the budget."""
    data_llm: dict[str, str] = Field(default_factory=dict)
    """The pools of language models that a ``process_data.py`` may ask, name -> model: see docs/data-programs.md."""
    item_fields: list[str] = Field(default_factory=list)
    """The fields of an evaluation item, which a data program needs to have its own answers scored."""
    seed: int


class Agent(Protocol):
    """A contestant. It may read the observation and write one folder; it never sees test.

    What it must keep, because a run that was killed is resumed with a new object:

    - A proposal is a function of the observation. Random choices are seeded by ``observation.seed`` and the length of
      the history. State that is kept in the object is lost when the process ends.
    - Only its workspace is written. A folder that an interrupted call left there is written anew.
    - It returns when the budget allows no further iteration: time passes while it plans.
    """

    @property
    def name(self) -> str:
        """How results name it."""

    @property
    def planner(self) -> str:
        """What plans for it, e.g. ``playbook`` or ``openai:gpt-5.2``; empty if nothing does."""

    def propose(self, observation: Observation) -> Path | None:
        """The folder of the next submission, or ``None`` to stop."""


class Door(Protocol):
    """What the environment lends to a contestant beside its observations."""

    @property
    def calls(self) -> CallLog:
        """Where calls to language models are written and charged."""

    @property
    def recorded_calls(self) -> Sequence[Call]:
        """All calls that are in the record already."""

    @property
    def unfinished_calls(self) -> Sequence[Call]:
        """Those of an iteration that was planned, but not finished, when the run was interrupted."""

    def precheck(self, submission: Path) -> Sequence[Finding]:
        """What gates 0 to 3 find in a submission, without training it."""

    def probe(self, submission: Path, share: float) -> Probe:
        """What a submission scores when it is trained on a share of its rows."""
