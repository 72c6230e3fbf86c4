"""The scorer of a task whose outputs are judged by a language model.

The scorer of a loaded task folder asks nobody. Whoever runs the task names the model, so that the folder of a stranger
sends nothing anywhere; the run binds the scorer to the replies in its own record (:mod:`ftdojo.judge.in_run`). Checks
that need no verdict take :func:`without_judge`, which compares texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from ftdojo.contract.options import RunOptions
from ftdojo.contract.task_spec import JUDGED, RUBRIC, Record
from ftdojo.errors import PrerequisiteError, UsageError
from ftdojo.stats import Estimate
from ftdojo.tasks.itemwise import MeanScorer
from ftdojo.tasks.spec import ItemScore, Scorer, Task

METRIC = "judged_accuracy"
"""The share of outputs that the judge calls right, in per cent."""
CONSENT = (
    "if it may, write judge_test = true into task.toml; otherwise take another scorer, such as rouge, and let `ftdojo "
    "judge` judge the validation answers of the finished run"
)
"""How the owner of a task allows a judge to see the sealed test."""


@runtime_checkable
class Judged(Protocol):
    """A scorer whose verdicts are those of a language model."""

    @property
    def unasked(self) -> Scorer:
        """A scorer that compares texts and asks no model."""


@runtime_checkable
class KnowsErrors(Protocol):
    """A scorer that has measured its own errors."""

    def identity(self) -> str:
        """A digest of what its verdicts and its correction depend on, besides the task."""

    def correct(self, scores: Sequence[ItemScore]) -> Estimate:
        """Return the core metric, corrected for the errors of the scorer, in the metric's unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedScorer(MeanScorer):
    """The scorer of a task folder with ``scorer = "judge"``. It cannot score until a run has bound it."""

    folder: Path
    """The task folder."""
    may_test: bool
    """Whether the sealed test may be judged, too."""
    unasked: Scorer

    def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
        """Refuse to score.

        Raises:
            PrerequisiteError: always.
        """
        raise PrerequisiteError(
            "a language model judges the outputs of this task, and only a run asks it",
            fix="`ftdojo run` asks the model of --judge and records its replies; `ftdojo judge` judges a file",
        )

    @property
    def rubric(self) -> Path:
        """The file with the rubric."""
        return self.folder / RUBRIC

    @property
    def judged(self) -> Path:
        """The file with outputs that people have judged."""
        return self.folder / JUDGED

    def gold(self, item: Record) -> str:
        """Return the item's gold text."""
        return self.unasked.gold(item)


def without_judge(task: Task) -> Task:
    """Return the task with a scorer that asks no language model: an output that equals a right answer is right."""
    return replace(task, scorer=task.scorer.unasked) if isinstance(task.scorer, Judged) else task


def require_judge(task: Task, options: RunOptions) -> None:
    """Check that a run may and can ask a judge, if its task needs one.

    Raises:
        UsageError: if the run names no judge, replays another run, or the task keeps its sealed test from judges.
    """
    if not isinstance(task.scorer, JudgedScorer):
        return
    if options.judge is None:
        raise UsageError(
            f"a language model judges the outputs of {task.spec.id}, and none is named",
            fix="add --judge PROVIDER:MODEL, e.g. openai:gpt-5.2, or openai:MODEL@URL for a server of your own",
        )
    if options.replay is not None:
        raise UsageError("the replies of a judge cannot be replayed in another run", fix="leave --replay out")
    if not task.scorer.may_test:
        raise UsageError(
            f"a run scores its best model on the sealed test, and {options.judge} would see its questions, right "
            "answers and outputs",
            fix=CONSENT,
        )
