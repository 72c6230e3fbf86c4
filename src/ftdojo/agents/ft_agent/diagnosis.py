"""From feedback to typed diagnoses: what the numbers say is wrong, most urgent first. No opinion enters here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ftdojo.dojo.feedback import EvaluationFeedback, Feedback

Kind = Literal["unstable", "over_budget", "truncation", "format", "over_fit", "under_fit", "weak_subtask", "noise"]

PARSED_ENOUGH = 0.95
"""Share of outputs in the right form above which format is not what holds the score back."""
WEAK = 0.75
"""A sub-task is weak if it scores less than this share of the mean over the sub-tasks."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that is wrong, with the numbers that say so."""

    kind: Kind
    evidence: str
    subtask: str = ""


def diagnose(evaluation: EvaluationFeedback, feedback: Feedback | None) -> list[Diagnosis]:
    """Diagnoses of a model.

    Args:
        evaluation: its validation result.
        feedback: all levels for a trained model; ``None`` for the untouched base model.
    """
    return [*_form(evaluation), *_fit(feedback), *_subtasks(evaluation)]


def _form(evaluation: EvaluationFeedback) -> list[Diagnosis]:
    if evaluation.parsed >= PARSED_ENOUGH:
        return []
    cut = evaluation.errors.get("truncated", 0)
    share = f"{evaluation.parsed:.0%} of the outputs have the answer's form"
    evidence = f"evaluation: {share}; errors: {told(evaluation.errors)}"
    unparsed = (1 - evaluation.parsed) * evaluation.score.n
    return [Diagnosis("truncation" if cut > unparsed / 2 else "format", evidence)]


def told(counts: Mapping[str, int]) -> str:
    """Counts in words, largest first."""
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _fit(feedback: Feedback | None) -> list[Diagnosis]:
    training = feedback.training if feedback else None
    if training is None or training.fit == "good":
        return []
    held_out = "" if training.eval_loss is None else f", held-out loss {training.eval_loss:.3f}"
    evidence = f"training: {training.fit} after {training.epochs:.1f} epochs, loss {training.train_loss:.3f}{held_out}"
    return [Diagnosis(training.fit, evidence)]


def _subtasks(evaluation: EvaluationFeedback) -> list[Diagnosis]:
    if len(evaluation.subtasks) < 2:
        return []
    mean = sum(evaluation.subtasks.values()) / len(evaluation.subtasks)
    weak = sorted((value, name) for name, value in evaluation.subtasks.items() if value < WEAK * mean)
    return [
        Diagnosis("weak_subtask", f"evaluation: {name} scores {value:.1f}, the mean over sub-tasks is {mean:.1f}", name)
        for value, name in weak
    ]
