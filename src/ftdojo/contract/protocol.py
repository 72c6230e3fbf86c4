"""The interface between environment and agent: what an agent sees, and the one method that it implements.

Everything here is data that could cross a process boundary; agents know the environment only through it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from pydantic import ConfigDict, Field

from ftdojo.contract.call import Call, CallLog
from ftdojo.contract.data_profile import DataProfile
from ftdojo.contract.feedback import EvaluationFeedback, Feedback, Interval, SampledRows
from ftdojo.contract.model_info import ModelInfo
from ftdojo.contract.options import GUARD_MARGIN
from ftdojo.contract.result import (
    Change,
    GuardScore,
    GuardTrivial,
    IterationResult,
    RecipeDifference,
    Score,
    TrivialAnswers,
)
from ftdojo.contract.submission import Plan
from ftdojo.contract.task_spec import TaskSpec
from ftdojo.findings import Finding
from ftdojo.schema import StrictModel


class Decision(StrictModel):
    """Whether an evaluated submission replaces the best, decided by arithmetic alone."""

    accepted: bool
    difference: Interval
    """Over the items that both models have answered."""
    reason: str
    answered: int | None = None
    """Number of validation items after which the evaluation stopped early; ``None`` if it was complete."""
    guard: list[GuardScore] = Field(default_factory=list)
    """What the model keeps of the guard tasks. Empty if it is not better on validation: they are not asked then."""


class Iteration(StrictModel):
    """One finished iteration, exactly as recorded in the ledger."""

    number: int
    digests: dict[str, str]
    """Digests of the submission's files and of the stages made from it."""
    contents: dict[str, str] = Field(default_factory=dict)
    """Digests of the files in these stages."""
    start: int | None = None
    """The evaluated iteration whose weights its training started from; ``None`` if that was the base model."""
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
    def evaluated(self) -> bool:
        """Whether its model was evaluated on validation, so that later trainings may start from it."""
        return self.score is not None

    @property
    def score(self) -> Score | None:
        """The validation score, if there is one."""
        return self.feedback.evaluation.score if self.feedback.evaluation else None

    @property
    def verdict(self) -> str:
        """The outcome in one line."""
        if self.score is not None and self.decision is not None:
            return f"{self.score}; {'accepted' if self.accepted else 'rejected'}: {self.decision.reason}"
        stopped = next((f for f in self.feedback.execution.findings if f.severity == "error"), None)
        return f"stopped at gate {stopped.gate}, {stopped.code}: {stopped.message}" if stopped else "not evaluated"

    def result(self, *, repeats: int | None = None, recipe: RecipeDifference | None = None) -> IterationResult:
        """This iteration as it appears in ``result.json``; the arguments are fields of it."""
        changes = self.plan.changes if self.plan else []
        return IterationResult(
            number=self.number,
            hypothesis=self.plan.hypothesis if self.plan else "",
            changes=[Change(key=c.key, before=c.before, after=c.after, expected=c.expected) for c in changes],
            accepted=self.accepted,
            start=self.start,
            validation=self.score,
            findings=self.feedback.execution.findings,
            seconds=self.feedback.execution.seconds,
            repeats=repeats,
            recipe=recipe,
            guard=self.decision.guard if self.decision else [],
        )


def highest(iterations: Iterable[Iteration], spec: TaskSpec) -> Iteration | None:
    """Return the iteration with the best validation score, accepted or not; of equal ones the first. ``None`` if none
    was evaluated."""
    scored = [(i.score.value, i) for i in iterations if i.score is not None]
    best = max if spec.higher_is_better else min
    return best(scored, key=lambda pair: pair[0])[1] if scored else None


class Probe(StrictModel):
    """A submission that was tried on a share of its rows, exactly as recorded in the ledger."""

    submission: str
    """Digest of its files."""
    share: float
    """Share of its rows that was used, 0 to 1."""
    start: int | None = None
    """The iteration from which its training was to start; ``None`` for the base model."""
    score: Score | None
    """Validation score; ``None`` if it was not evaluated."""
    findings: list[Finding]


class Observation(StrictModel):
    """What an agent sees before it proposes."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    task: TaskSpec
    raw_data: DataProfile
    model: ModelInfo
    baseline: EvaluationFeedback
    """The untouched base model on validation."""
    trivial: TrivialAnswers | None = None
    """What answers without any training score on validation. They are chosen by the training rows and the documented
    shortcuts, not by gold answers; ``None`` in runs that an older build began."""
    headroom: SampledRows | None = None
    """The same measurement as :attr:`~ftdojo.contract.feedback.Feedback.headroom`, of the base model."""
    train_rows_per_s: float
    """Rows per second of a LoRA training, measured on this machine, on rows of this task's documented raw data."""
    evaluate_s: float
    """Seconds that the base model took for the validation items and those of the guard tasks, measured on this
    machine."""
    history: list[Iteration]
    best: int
    """Number of the best iteration so far; 0 is the base model."""
    submissions: dict[int, Path]
    """The files of every earlier submission, read-only."""
    remaining: dict[str, float]
    """What is left of each limited account of the budget."""
    warm_start: bool = True
    """Whether a training may start from an iteration that was evaluated: ``start`` in ``train.yaml``."""
    data_llm: dict[str, str] = Field(default_factory=dict)
    """The pools of language models that a ``process_data.py`` may call, name -> model: see docs/data-programs.md."""
    item_fields: list[str] = Field(default_factory=list)
    """The fields of an evaluation item, which a data program needs to have its own answers scored."""
    guard: dict[str, Score] = Field(default_factory=dict)
    """Tasks that a trained model must not forget -> what the base model scores on them."""
    guard_trivial: dict[str, GuardTrivial] = Field(default_factory=dict)
    """The same tasks -> what answers without any training score on them; empty in runs that an older build began."""
    guard_margin: float = GUARD_MARGIN
    """How many points of the range of its metric a model may lose on each of them."""
    seed: int


class Agent(Protocol):
    """A contestant. It may read the observation and write one folder; it never sees test.

    Rules for an agent. They exist because a run that was killed is resumed with a new object:

    - A proposal is a function of the observation. Random choices are seeded by ``observation.seed`` and the length of
      the history. State that is kept in the object is lost when the process ends.
    - Only its workspace is written. A folder that an interrupted call left there is overwritten.
    - It returns when the budget allows no further iteration: time passes while it plans.
    """

    @property
    def name(self) -> str:
        """Its name in results."""

    @property
    def planner(self) -> str:
        """Its planner, e.g. ``playbook`` or ``openai:gpt-5.2``; empty if it has none."""

    def propose(self, observation: Observation) -> Path | None:
        """Return the folder of the next submission, or ``None`` to stop."""


@runtime_checkable
class Foresighted(Protocol):
    """An agent that can say what it would try next. It is asked once, when it has stopped."""

    def outlook(self, observation: Observation) -> str:
        """Return what it would try next if it had more time, in a sentence; empty if it would stop in any case."""


class Door(Protocol):
    """What the environment gives to a contestant in addition to its observations."""

    @property
    def calls(self) -> CallLog:
        """The log in which calls to language models are recorded and charged."""

    @property
    def recorded_calls(self) -> Sequence[Call]:
        """All calls that are in the record already."""

    @property
    def unfinished_calls(self) -> Sequence[Call]:
        """The calls of an iteration that was planned, but not finished, when the run was interrupted."""

    def precheck(self, submission: Path) -> Sequence[Finding]:
        """Return the findings of gates 0 to 3 on a submission, without training it.

        Raises:
            UsageError: if the limit of such checks is reached.
        """

    def probe(self, submission: Path, share: float) -> Probe:
        """Train a submission on a share of its rows, and return its validation score."""
