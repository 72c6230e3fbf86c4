"""The answers that a finished run keeps: of all its models on validation, of the base and the best one on test."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ftdojo.audit.evidence import Evidence, Unchecked
from ftdojo.contract.task_spec import Record
from ftdojo.data import read_items
from ftdojo.episode.evaluation import Prediction
from ftdojo.episode.predict import PREDICTIONS
from ftdojo.errors import UsageError
from ftdojo.judge import Answers
from ftdojo.record import Home, Ledger

Answered = tuple[list[Record], list[Prediction]]
"""Items, and a prediction for each."""


def read_answers(run: Path, *, home: Home, base: bool, test: bool, task: str | None = None) -> Answers:
    """Return the answers of the best model or the base model of a finished run.

    Args:
        run: its folder.
        home: where its stages are kept.
        base: whether those of the base model.
        test: whether those to the sealed test items; otherwise those to the validation items.
        task: where the task is, if its folder was moved after the run.

    Raises:
        UsageError: if the run has not ended, or its evidence is not on this machine.
    """
    with Ledger(run, writable=False) as ledger:
        evidence = Evidence(run, ledger, home, task)
        best = 0 if base else evidence.history.best
        try:
            if test:
                items, predictions = answers_to_test(evidence, "best" if best else "baseline")
            else:
                items, predictions = answers_to_validation(evidence, best)
            outputs = [prediction.output for prediction in predictions]
            return Answers(task=evidence.task, place=evidence.place, items=items, outputs=outputs)
        except Unchecked as error:
            raise unreadable_answers(run, error) from None


def unreadable_answers(run: Path, reason: Unchecked) -> UsageError:
    """Return the error for a run whose answers are not on this machine."""
    return UsageError(
        f"the answers of {run} cannot be read: {reason}",
        fix="use the machine, the FTDOJO_HOME, the task and the model that the run was made with",
    )


def answers_to_validation(evidence: Evidence, number: int) -> Answered:
    """Return the validation items that a model answered, in the order of its answers: it may have stopped early.

    Args:
        evidence: of the run.
        number: the iteration of the model; 0 is the base model.

    Raises:
        Unchecked: if they are not on this machine.
    """
    predictions = _read(evidence.recorded_stage(evidence.made[number], "evaluate") / PREDICTIONS)
    known = {str(item["id"]): item for item in evidence.items}
    return [known[prediction.id] for prediction in predictions], predictions


def answers_to_test(evidence: Evidence, key: Literal["baseline", "best"]) -> Answered:
    """Return the test items, and how the base model or the best model answered them.

    Raises:
        Unchecked: if they are not on this machine.
    """
    path = evidence.folder.sealed_outputs(key)
    if not path.is_file():
        raise Unchecked("the outputs on test are not in the run's folder")
    return read_items(evidence.data.sealed_test), _read(path)


def _read(path: Path) -> list[Prediction]:
    return [Prediction.model_validate(row) for row in read_items(path)]
