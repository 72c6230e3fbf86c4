"""Every answer of a finished run, with its question, right answer and verdict: for the owner, from the stored evidence.

They hold gold answers of validation and test. Nothing is generated or scored by another rule: outputs are those that
the run kept, verdicts follow from them by the task's scorer, as in the audit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ftdojo.audit.answers import answers_to_test, answers_to_validation, unreadable_answers
from ftdojo.audit.evidence import Evidence, Unchecked
from ftdojo.contract.result import TRIVIAL_NAMES, Score, TrivialAnswers
from ftdojo.contract.task_spec import Record
from ftdojo.episode import evaluation
from ftdojo.episode.evaluation import Prediction
from ftdojo.record import Home, Ledger
from ftdojo.tasks.spec import ItemScore, Task


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer."""

    id: str
    subtask: str
    messages: list[dict[str, str]]
    """The prompt as chat messages."""
    output: str
    gold: str
    verdict: ItemScore


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One model on one split."""

    split: str
    """validation or test."""
    model: str
    """base, or iteration-N."""
    score: Score
    """As recorded."""
    created: str
    """When it was recorded: UTC, ISO 8601."""
    samples: list[Sample]
    untrained: dict[str, Score]
    """Short name of what needs no training, the best constant and few-shot -> its score on that split."""


@dataclass(frozen=True, slots=True)
class Samples:
    """All evaluations of a run."""

    task: str
    base: str
    agent: str
    evaluations: list[Evaluated]


def read_samples(run: Path, *, home: Home, task: str | None = None) -> Samples:
    """Return every evaluation of a finished run.

    Args:
        run: its folder.
        home: where its stages are kept.
        task: where the task is, if its folder was moved after the run.

    Raises:
        UsageError: if the run has not ended, or its evidence is not on this machine.
    """
    with Ledger(run, writable=False) as ledger:
        evidence = Evidence(run, ledger, home, task)
        try:
            found = [*_validation(evidence), *_test(evidence)]
        except Unchecked as error:
            raise unreadable_answers(run, error) from None
    identity = evidence.configuration
    return Samples(identity.task, identity.model, identity.agent, found)


def _validation(evidence: Evidence) -> Iterator[Evaluated]:
    scores = [evidence.finished.baseline.validation, *(i.score for i in evidence.iterations)]
    times = [e.time for e in evidence.events if e.kind in ("baseline", "iteration")]
    easy = _untrained(evidence.finished.trivial_validation)
    for number, (score, time) in enumerate(zip(scores, times, strict=True)):
        if score is None:
            continue
        samples = _pair(evidence.task, *answers_to_validation(evidence, number))
        yield Evaluated("validation", _name(number), score, time, samples, easy)


def _test(evidence: Evidence) -> Iterator[Evaluated]:
    if evidence.history.reasons:
        return
    scored = evidence.test_scored
    time = next(e.time for e in evidence.events if e.event is scored)
    models: list[tuple[Literal["baseline", "best"], int]] = [("baseline", 0), ("best", evidence.history.best)]
    for key, number in models:
        if key == "best" and not number:
            continue
        samples = _pair(evidence.task, *answers_to_test(evidence, key))
        yield Evaluated("test", _name(number), scored.scores[key], time, samples, _untrained(scored.trivial))


def _untrained(answers: TrivialAnswers | None) -> dict[str, Score]:
    return {TRIVIAL_NAMES[name]: score for name, score in answers.distinct.items()} if answers else {}


def _pair(task: Task, items: Sequence[Record], predictions: Sequence[Prediction]) -> list[Sample]:
    verdicts = evaluation.scores(task, items, predictions)
    return [
        Sample(
            id=str(item["id"]),
            subtask=str(item.get("subtask", "")),
            messages=[dict(message) for message in task.prompt(item)],
            output=prediction.output,
            gold=task.scorer.gold(item),
            verdict=verdict,
        )
        for item, prediction, verdict in zip(items, predictions, verdicts, strict=True)
    ]


def _name(number: int) -> str:
    return f"iteration-{number}" if number else "base"


__all__ = ["Evaluated", "Sample", "Samples", "read_samples"]
