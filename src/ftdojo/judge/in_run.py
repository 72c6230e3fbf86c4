"""A judge inside a run: its replies are part of the run's record, and every score is corrected for its errors.

Before its first verdict it is calibrated on outputs that people have judged. The replies are recorded and charged like
every call of the run. Whoever reads the record gets the same verdicts and asks nobody: a resumed run, and an audit.
Which model is better is decided by the verdicts as they are: both models have the same judge, and on the same items.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace

from ftdojo import digest
from ftdojo.contract.call import Call
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Progress, Silent
from ftdojo.contract.result import JudgeAgreement
from ftdojo.contract.task_spec import Record
from ftdojo.errors import InfrastructureError, InputError, LlmError
from ftdojo.findings import Finding
from ftdojo.judge.calibration import JudgedPair, calibrate, read_judged
from ftdojo.judge.question import read_rubric
from ftdojo.judge.replies import Replies, RunReplies
from ftdojo.judge.scorer import Judge, JudgeScorer
from ftdojo.llm import Transport, connect
from ftdojo.stats import Agreement, Estimate, corrected_mean
from ftdojo.tasks.judged import JudgedScorer
from ftdojo.tasks.spec import ItemScore, Scorer, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJudge(JudgeScorer):
    """The scorer of a run whose task is judged."""

    unasked: Scorer
    """Compares texts and asks no model."""
    known: Callable[[], Agreement]
    """How it agrees with people; the first call asks it."""

    def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
        """Return one verdict per item.

        Raises:
            UsageError: if the judge is not shown to be better than chance.
            InfrastructureError: if the judge does not answer. What it has answered is recorded.
            InputError: as :meth:`JudgeScorer.score`.
        """
        self.known()
        with _resumable():
            return JudgeScorer.score(self, items, outputs)  # super() does not know a class with slots

    def identity(self) -> str:
        """A digest of the judge and of how far it agrees with people: another run may have got other replies."""
        return digest.of_value([self.judge.identity, asdict(self.known())])

    def correct(self, scores: Sequence[ItemScore]) -> Estimate:
        """Return the share of right outputs in per cent, corrected for the errors of the judge."""
        strata = [score.subtask for score in scores]
        return corrected_mean([score.score for score in scores], strata, self.known()).scaled(100.0)


def bind_judge(task: Task, options: RunOptions, replies: Replies, *, progress: Progress | None = None) -> Task:
    """Return a judged task with a scorer that asks the judge of the run; any other task as it is.

    Args:
        task: the task.
        options: of the run, with the judge.
        replies: the calls of the judge in the record of the run.
        progress: of the run.

    Raises:
        InputError: for a rubric or judged outputs that cannot be read.
    """
    name, address = options.judge_place
    return _bind(task, name, replies, lambda: connect(name, base_url=address), progress)


def bind_recorded(task: Task, judge: str | None, calls: Sequence[Call]) -> Task:
    """Return a judged task with a scorer that reads recorded calls and asks nobody; any other task as it is.

    Args:
        task: the task.
        judge: the judge of the run.
        calls: the calls of the judge in the record of the run.

    Raises:
        InputError: as :func:`bind_judge`. The scorer raises it if a reply is missing.
    """
    return _bind(task, judge or "", RunReplies(calls, _never), _refuse)


def _bind(
    task: Task, name: str, replies: Replies, connected: Callable[[], Transport], progress: Progress | None = None
) -> Task:
    scorer = task.scorer
    if not isinstance(scorer, JudgedScorer):
        return task
    judge = JudgeScorer(
        task=task,
        judge=Judge(model=name, rubric=read_rubric(scorer.rubric)),
        replies=replies,
        connect=connected,
        progress=progress or Silent(),
    )
    pairs = read_judged(scorer.judged)
    bound = RunJudge(
        **{part.name: getattr(judge, part.name) for part in fields(judge)},
        unasked=scorer.unasked,
        known=functools.cache(lambda: _calibrate(judge, pairs)),
    )
    return replace(task, scorer=bound)


def calibrate_first(task: Task) -> JudgeAgreement | None:
    """Ask the judge of a task about outputs that people have judged, before anything else is paid for.

    Returns:
        How far it agrees with them; ``None`` for a task without a judge.

    Raises:
        UsageError: if it is not shown to be better than chance.
        InfrastructureError: if it does not answer.
        InputError: as :meth:`JudgeScorer.score`.
    """
    if not isinstance(task.scorer, RunJudge):
        return None
    known = task.scorer.known()
    return JudgeAgreement(
        model=task.scorer.judge.model,
        right=known.right,
        accepted=known.accepted,
        wrong=known.wrong,
        rejected=known.rejected,
    )


def _calibrate(judge: JudgeScorer, pairs: Sequence[JudgedPair]) -> Agreement:
    with _resumable():
        return calibrate(judge, pairs)


@contextmanager
def _resumable() -> Iterator[None]:
    """Turn the error of a judge that does not answer into one that ends the run: only an agent's own model may fail."""
    try:
        yield
    except LlmError as error:
        raise InfrastructureError(
            f"the judge of the run gives no verdict: {error.message}",
            fix="run the same command again when it answers: what it has answered is recorded",
        ) from error


def _never(_: Call) -> None:
    raise AssertionError("nobody is asked")


def _refuse() -> Transport:
    raise InputError(
        [
            Finding(
                code="no_reply",
                message="the record of the run has no reply of the judge about an output",
                where="the calls of the judge",
                fix="compare only outputs that the run has judged; `ftdojo judge` judges others",
            )
        ]
    )
