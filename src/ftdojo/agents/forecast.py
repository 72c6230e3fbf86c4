"""What an iteration will take, from what one took: work is rows passed through the model."""

from __future__ import annotations

import math

from ftdojo.agents.draft import Draft
from ftdojo.contract.protocol import Iteration, Observation
from ftdojo.contract.recipe import Recipe

RESERVE = 1.15
"""A forecast is multiplied by this before it is held against the budget."""
TRIED_ROWS = 64
"""Rows, roughly, that pass through the model while the gates try a training."""


def overhead_s(observation: Observation) -> float:
    """Seconds of an iteration without its training, estimated before the first one: checks and evaluation."""
    return observation.evaluate_s + TRIED_ROWS / observation.train_rows_per_s


def row_passes(observation: Observation, share: float = 1.0) -> float:
    """Rows that a first training can pass through the model in this share of the remaining wall clock, with checks and
    evaluation included; 0 if there is no time even for these."""
    left = observation.remaining.get("wall_s", observation.task.rules.wall_s)
    train_s = share * left / RESERVE - overhead_s(observation)
    return max(0.0, train_s * observation.train_rows_per_s)


def seconds(draft: Draft, like: Draft, of: Iteration, observation: Observation) -> float | None:
    """Seconds that an iteration with ``draft`` will take, scaled from iteration ``of``, which ran ``like``; ``None`` if
    that was not evaluated, or if the number of a script's rows is not known."""
    if of.feedback.evaluation is None or isinstance(draft.program, str) != isinstance(like.program, str):
        return None
    factor = estimate_work(draft, observation) / estimate_work(like, observation)
    sampling_s = sample_s(draft, observation) - sample_s(like, observation)
    # Of a training that let the model answer, the answers are part of what grows with its length.
    answering_s = max(0.0, _answering_s(draft, observation) - factor * _answering_s(like, observation))
    return predict_s(of, factor) + sampling_s + answering_s


def predict_s(of: Iteration, factor: float) -> float:
    """Seconds of an iteration that trains ``factor`` times as long as ``of`` did, or would have done on all the rows
    that it asked for."""
    return RESERVE * (_fixed_s(of) + _whole_training_s(of) * factor)


def affordable_factor(of: Iteration, seconds: float) -> float:
    """The factor by which an iteration of ``seconds`` can train longer than ``of`` did: negative if there is not even
    time for the rest, infinite if ``of`` trained nothing."""
    trained_s = _whole_training_s(of)
    return (seconds / RESERVE - _fixed_s(of)) / trained_s if trained_s else math.inf


def _whole_training_s(of: Iteration) -> float:
    """Seconds that grow with the length of a training, if samples had removed none of its rows."""
    data = of.feedback.data
    if data is None or data.sampled is None:
        return _trained_s(of)
    return _trained_s(of) * (1 + data.sampled.dropped / data.rows)


def _trained_s(of: Iteration) -> float:
    """Seconds that grow with the length of a training. Runs of earlier builds did not keep them apart."""
    training, whole = of.feedback.training, of.feedback.execution.seconds.train
    return min(training.seconds, whole) if training and training.seconds else whole


def _fixed_s(of: Iteration) -> float:
    """Seconds of an iteration that any other one takes, too: data, checks, loading, evaluation."""
    took = of.feedback.execution.seconds
    return took.data + took.train - _trained_s(of) + took.evaluate


def estimate_work(draft: Draft, observation: Observation) -> float:
    """Training work in sequences passed through the model; only ratios of it are used."""
    return count_rows(draft, observation) * draft.train.epochs * draft.train.sequences


def row_work(draft: Draft, like: Draft, of: Iteration, observation: Observation) -> float:
    """Work of one row of ``draft``, with the answers that the model gives to it, in the unit of :func:`estimate_work`;
    iteration ``of``, which ran ``like``, says how long a sequence takes. Infinite if nothing was trained there."""
    train, sequence_s = draft.train, _whole_training_s(of) / estimate_work(like, observation)
    if not train.answers:
        return train.sequences
    return train.sequences + train.answers * answer_s(observation) / sequence_s if sequence_s else math.inf


def _answering_s(draft: Draft, observation: Observation) -> float:
    """Seconds in which the model answers the rows of a training on rewards."""
    return count_rows(draft, observation) * draft.train.epochs * draft.train.answers * answer_s(observation)


def sample_s(draft: Draft, observation: Observation) -> float:
    """Seconds in which a model answers the rows of a recipe that draws samples."""
    if not isinstance(draft.program, Recipe) or not draft.program.asks:
        return 0.0
    return count_rows(draft, observation) * draft.program.sample.samples * answer_s(observation)


def answer_s(observation: Observation) -> float:
    """Seconds of one answer, from the base model's answers to the validation items."""
    return observation.evaluate_s / observation.baseline.score.n


def documented_rows(observation: Observation) -> int:
    """How many rows the task's documented raw files give at most."""
    return _available({source.path for source in observation.task.raw_sources}, observation)


def count_rows(draft: Draft, observation: Observation) -> int:
    """How many rows a data program can give at most."""
    most = observation.task.rules.max_rows
    if not isinstance(draft.program, Recipe):
        return most
    return min(draft.program.max_rows, _available({source.path for source in draft.program.sources}, observation))


def _available(paths: set[str], observation: Observation) -> int:
    return min(
        observation.task.rules.max_rows, sum(file.rows for file in observation.raw_data.files if file.path in paths)
    )
