"""From feedback to typed diagnoses: what the numbers say is wrong, most urgent first. No opinion enters here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ftdojo.contract.feedback import DataFeedback, EvaluationFeedback, Feedback, SampledRows
from ftdojo.contract.result import TrivialAnswers
from ftdojo.contract.task_spec import TaskSpec

Kind = Literal[
    "truncation",
    "format",
    "length_mismatch",
    "collapse",
    "unstable",
    "over_fit",
    "under_fit",
    "noisy_labels",
    "distribution_mismatch",
    "weak_subtask",
    "missing_rationale",
]

PARSED_ENOUGH = 0.95
"""Share of outputs in the right form above which format is not what holds the score back."""
COLLAPSED = 0.8
"""Share of a sub-task's outputs that are one and the same, from which on the model answers it by habit."""
GUESSED = 0.2
"""An answer is guessed where it is that of at least this share of the rows."""
MIN_OUTPUTS = 8
"""From fewer outputs a sub-task nothing is concluded."""
Z = 1.64
"""In standard errors: a sub-task that only guesses scores more in one case of twenty."""
SOLVED = 0.9
"""From this share of the metric's best value on, one answer to everything is what the items ask for."""
WEAK = 0.75
"""A sub-task is weak if it scores less than this share of the mean over the sub-tasks."""
SCARCE = 0.25
"""A sub-task is scarce in the rows if it has less than this share of an even part of them."""
NOISY = 0.05
"""Labels are noisy if this share of the rows has a prompt that other rows answer differently."""
LENGTH_RATIO, LENGTH_TOKENS = 2.0, 8
"""Outputs differ in length from what was learned if their medians differ by this factor and this number of tokens."""
BARE_TOKENS = 32
"""Completions of at most this many tokens hold an answer and no reasoning."""
MANY_WRONG = 1 / 3
"""Share of the items that have an answer in the right form which is wrong, from which on reasoning may be missing."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that is wrong, with the numbers that say so."""

    kind: Kind
    evidence: str
    subtask: str = ""


def diagnose(
    evaluation: EvaluationFeedback,
    feedback: Feedback | None,
    spec: TaskSpec,
    trivial: TrivialAnswers | None = None,
) -> list[Diagnosis]:
    """Diagnoses of a model.

    Args:
        evaluation: its validation result.
        feedback: all levels for a trained model; ``None`` for the untouched base model.
        spec: the task.
        trivial: what answers without any training score on the same items, if that was measured.
    """
    rows = feedback.data if feedback else None
    form = _form(evaluation)
    found = [*form, *_fit(feedback)]
    if rows is not None:
        found += [
            *_collapse(evaluation, rows, spec, trivial),
            *_length(evaluation, rows),
            *_labels(rows),
            *_mixture(evaluation, rows),
        ]
        if not form:
            found += _reasoning(evaluation, rows)
    return found + _subtasks(evaluation)


def _form(evaluation: EvaluationFeedback) -> list[Diagnosis]:
    if evaluation.parsed >= PARSED_ENOUGH:
        return []
    cut = evaluation.errors.get("truncated", 0)
    share = f"{evaluation.parsed:.0%} of the outputs have the answer's form"
    evidence = f"evaluation: {share}; errors: {format_counts(evaluation.errors)}"
    unparsed = (1 - evaluation.parsed) * evaluation.score.n
    return [Diagnosis("truncation" if cut > unparsed / 2 else "format", evidence)]


def _collapse(
    evaluation: EvaluationFeedback, rows: DataFeedback, spec: TaskSpec, trivial: TrivialAnswers | None
) -> list[Diagnosis]:
    """Sub-tasks that get one answer, whatever is asked, or that score no more than one constant answer does. Where that
    was not measured, it is estimated by the most frequent answer of the rows. The second check needs a metric that is a
    share of right items."""
    names = evaluation.top_output_share or evaluation.subtasks
    n = evaluation.score.n / max(1, len(names))
    if n < MIN_OUTPUTS:
        return []
    found = []
    for name in names:
        value = evaluation.subtasks.get(name, evaluation.score.value) / (spec.best_value or 1.0)
        same, guess = evaluation.top_output_share.get(name, 0.0), _guess(name, rows, spec, trivial)
        by_chance = guess + Z * math.sqrt(guess * (1 - guess) / n)
        if spec.higher_is_better and value >= SOLVED:
            continue
        if same >= COLLAPSED:
            found.append((1 - same, name, f"{same:.0%} of the outputs{_of(name)} are one and the same"))
        elif spec.higher_is_better and not spec.pooled and guess >= GUESSED and value <= by_chance:
            evidence = f"{value:.0%} of the outputs{_of(name)} are right, always giving one answer would be {guess:.0%}"
            found.append((1 - guess, name, evidence))
    return [Diagnosis("collapse", f"evaluation: {evidence}", name) for _, name, evidence in sorted(found)]


def _guess(subtask: str, rows: DataFeedback, spec: TaskSpec, trivial: TrivialAnswers | None) -> float:
    """The share of a sub-task's items that one constant answer gets right."""
    if trivial is None:
        return rows.top_completion_by_subtask.get(subtask, 0.0)
    best = max(trivial.constant.value, trivial.majority.value)
    return trivial.subtasks.get(subtask, best) / (spec.best_value or 1.0)


def _of(subtask: str) -> str:
    return f" of {subtask}" if subtask else ""


def format_counts(counts: Mapping[str, int]) -> str:
    """Counts in words, largest first."""
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def describe_headroom(found: SampledRows) -> str:
    """How often samples of a model are right, in words."""
    counts = {"mastered": found.mastered, "contradicted": found.contradicted, "dropped": found.dropped}
    also = "".join(f", {count} {name}" for name, count in counts.items() if count)
    return (
        f"of {found.rows} raw rows {found.pass_k:.0%} have a right one among {found.k} samples, single samples are "
        f"right in {found.pass_1:.0%}{also}"
    )


def _fit(feedback: Feedback | None) -> list[Diagnosis]:
    training = feedback.training if feedback else None
    if training is None or training.fit == "good":
        return []
    held_out = "" if training.eval_loss is None else f", held-out loss {training.eval_loss:.3f}"
    evidence = f"training: {training.fit} after {training.epochs:.1f} epochs, loss {training.train_loss:.3f}{held_out}"
    return [Diagnosis(training.fit, evidence)]


def _length(evaluation: EvaluationFeedback, rows: DataFeedback) -> list[Diagnosis]:
    """Outputs are much longer or shorter than the completions that were learned."""
    if evaluation.output_tokens is None:
        return []
    said, learned = evaluation.output_tokens.p50, rows.label_tokens.p50
    low, high = sorted((said, learned))
    if high <= LENGTH_RATIO * low or high - low <= LENGTH_TOKENS:
        return []
    evidence = f"evaluation: outputs have {said} tokens in the middle, the completions of the rows {learned}"
    return [Diagnosis("length_mismatch", evidence)]


def _labels(rows: DataFeedback) -> list[Diagnosis]:
    """The rows contradict each other."""
    if rows.conflicting < NOISY * rows.rows:
        return []
    evidence = f"data: {rows.conflicting} of {rows.rows} rows have a prompt that other rows answer differently"
    return [Diagnosis("noisy_labels", evidence)]


def _mixture(evaluation: EvaluationFeedback, rows: DataFeedback) -> list[Diagnosis]:
    """Sub-tasks count alike in the score, but hardly occur in the rows. Nothing is known of rows that name none."""
    named = {name: rows.per_subtask.get(name, 0) for name in evaluation.subtasks}
    if not any(named.values()):
        return []
    even = sum(named.values()) / len(named)
    return [
        Diagnosis("distribution_mismatch", f"data: {name} has {count} of {rows.rows} rows, even were {even:.0f}", name)
        for name, count in sorted(named.items(), key=lambda item: (item[1], item[0]))
        if count < SCARCE * even
    ]


def _reasoning(evaluation: EvaluationFeedback, rows: DataFeedback) -> list[Diagnosis]:
    """Answers have the form, many are wrong, and the rows teach answers without reasons."""
    wrong = evaluation.errors.get("wrong", 0)
    if wrong < MANY_WRONG * evaluation.score.n or rows.label_tokens.p95 > BARE_TOKENS:
        return []
    evidence = (
        f"evaluation: {wrong} of {evaluation.score.n} answers have the form and are wrong; "
        f"data: completions have up to {rows.label_tokens.p95} tokens, which is no reasoning"
    )
    return [Diagnosis("missing_rationale", evidence)]


def _subtasks(evaluation: EvaluationFeedback) -> list[Diagnosis]:
    if len(evaluation.subtasks) < 2:
        return []
    mean = sum(evaluation.subtasks.values()) / len(evaluation.subtasks)
    weak = sorted((value, name) for name, value in evaluation.subtasks.items() if value < WEAK * mean)
    return [
        Diagnosis("weak_subtask", f"evaluation: {name} scores {value:.1f}, the mean over sub-tasks is {mean:.1f}", name)
        for value, name in weak
    ]
