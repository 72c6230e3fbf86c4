"""Feedback on four levels: execution, data, training, evaluation. Typed, so that an agent can reason from numbers.

Gold answers never enter it: a sampled error carries the prompt and the model's output only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from ftdojo.contract.result import Score, StageSeconds
from ftdojo.contract.train_config import OUT_OF_TIME
from ftdojo.findings import Finding
from ftdojo.schema import StrictModel


class Interval(StrictModel):
    """A difference of two scores on the same items, with its 95 % interval, in the metric's unit."""

    value: float
    low: float
    high: float


class Distribution(StrictModel):
    """Percentiles of a count, e.g. tokens a row."""

    p50: int
    p95: int
    max: int

    @classmethod
    def of(cls, counts: Sequence[int]) -> Distribution:
        """Of at least one count, by nearest rank."""
        ordered = sorted(counts)
        return cls(p50=ordered[len(ordered) // 2], p95=ordered[round(0.95 * (len(ordered) - 1))], max=ordered[-1])


class ExecutionFeedback(StrictModel):
    """What ran, how long it took, and what stopped it."""

    seconds: StageSeconds
    reused: list[str]
    """Stages taken from the store because the same work had been done before."""
    findings: list[Finding]


class SampledRows(StrictModel):
    """How a model's samples of raw rows were judged by the task's scorer (``sample`` of a recipe)."""

    rows: int
    """Rows that the model answered."""
    samples: int
    """Its answers to them, together."""
    right: int
    """How many of these are right."""
    solved: int
    """Rows with at least one right sample."""
    kept: int
    """Completions that are the model's."""
    mastered: int = 0
    """Rows of which all samples are right. 0 in runs of earlier builds, which did not count them."""
    contradicted: int = 0
    """Rows whose completion the model contradicts (``recipe_program/sampling.py``). The same holds for runs of earlier
    builds."""
    dropped: int = 0
    """Rows that were left out for one of these two reasons."""

    @property
    def pass_1(self) -> float:
        """Share of right samples, 0 to 1."""
        return self.right / max(1, self.samples)

    @property
    def pass_k(self) -> float:
        """Share of rows with a right one among the samples, 0 to 1 (pass@k, Chen et al. 2021, arXiv 2107.03374)."""
        return self.solved / max(1, self.rows)

    @property
    def mastered_share(self) -> float:
        """Share of rows of which all samples are right, 0 to 1."""
        return self.mastered / max(1, self.rows)

    @property
    def k(self) -> int:
        """Samples of a row."""
        return round(self.samples / max(1, self.rows))


class DataFeedback(StrictModel):
    """The training rows as they were used."""

    rows: int
    removed_overlap: int = 0
    """In runs of earlier builds, a noisy number of evaluation items among the rows. It is not reported now."""
    duplicates: int
    conflicting: int = 0
    """Rows whose prompt occurs with another completion too."""
    per_subtask: dict[str, int]
    """Rows by their optional ``subtask`` key."""
    top_completion_share: float
    """Share of the most frequent completion: near 1 is a constant answer."""
    top_completion_by_subtask: dict[str, float] = Field(default_factory=dict)
    """The same among the rows of every sub-task: about what always answering so would score. Empty in runs that were
    recorded before this was measured."""
    sampled: SampledRows | None = None
    """How samples were judged, if the recipe draws some."""
    row_tokens: Distribution
    label_tokens: Distribution
    truncated_share: float


class LossPoint(StrictModel):
    """One logged interval of optimizer steps."""

    step: int
    loss: float
    grad_norm: float
    learning_rate: float


class RewardPoint(StrictModel):
    """One logged interval of a training on preferences: means over its pairs, before each step."""

    step: int
    margin: float
    """The implicit reward of the chosen answer minus that of the rejected one; of a judged answer, by how much its
    implicit reward is on the side of its label."""
    accuracy: float
    """Share of pairs, or of judged answers, whose margin is above 0, 0 to 1."""
    drift: float | None = None
    """How much less likely the chosen answers are than in the model at the start, in nats per token; below 0 they are
    likelier. Where that model gave them, it estimates the divergence KL(start || now). ``None`` without a reference,
    and in runs that were recorded before this was kept."""


class RolloutPoint(StrictModel):
    """One logged interval of a training on rewards: means over the answers that the model gave before its steps."""

    step: int
    reward: float
    score: float
    """The task's score of an answer, in the metric's own unit; where lower is better, with the sign changed."""
    right: float
    """Share of right answers, 0 to 1."""
    varied: float
    """Share of the groups whose rewards differ. Only these teach anything."""
    output_tokens: float
    cut: float
    """Share of the answers that were cut at the token limit."""
    top_output: float
    """Share of the most frequent answer."""
    entropy: float
    """Mean of the negative log-probability of the answers' tokens, in nats: an estimate of the entropy of a token."""
    kl: float
    """Estimate of the divergence from the weights at the start, in nats per token; 0 if it is not penalized."""


Fit = Literal["under_fit", "good", "over_fit", "unstable"]
"""What the curves of a training say."""


class TrainingFeedback(StrictModel):
    """How the training went. Losses are nats a label token; of a training on preferences, means over its pairs; of one
    on rewards they say nothing, and ``rollouts`` does."""

    steps: int
    epochs: float
    tokens_per_s: float
    seconds: float = 0.0
    """Duration of the steps alone, without checks, loading and saving; 0 in runs that were recorded before this was
    kept."""
    peak_memory_bytes: int
    curve: list[LossPoint]
    train_loss: float
    """Mean over the last tenth of the steps."""
    eval_loss: float | None
    """On rows held out from training, if the configuration holds some out."""
    eval_curve: list[tuple[int, float]]
    rewards: list[RewardPoint] | None = None
    """At the steps of ``curve``, of a training on preferences."""
    rollouts: list[RolloutPoint] | None = None
    """At the steps of ``curve``, of a training on rewards."""
    held_out_rows: int = 0
    """Rows that the held-out losses were measured on; 0 in runs that were recorded before this was kept."""
    fit: Fit


class ErrorSample(StrictModel):
    """One wrong output, without the right answer."""

    id: str
    subtask: str
    prompt: str
    output: str
    error: str


class EvaluationFeedback(StrictModel):
    """The validation score and where it is lost."""

    score: Score
    parsed: float
    """Share of outputs with an answer of the right form, 0 to 1."""
    subtasks: dict[str, float]
    """Core metric per sub-task."""
    subtask_parsed: dict[str, float]
    errors: dict[str, int]
    """Count of items by error class; right items are not counted."""
    top_output_share: dict[str, float] = Field(default_factory=dict)
    """Share of the most frequent output by sub-task, 0 to 1: near 1 is one answer to everything. Empty in runs that
    were recorded before this was measured."""
    output_tokens: Distribution | None = None
    """Lengths of the outputs; ``None`` in runs that were recorded before this was measured."""
    metrics: dict[str, float]
    to_best: Interval | None
    """Difference to the best model so far, on the same items."""
    samples: list[ErrorSample]


class Feedback(StrictModel):
    """All four levels; a level is ``None`` if the submission did not get that far."""

    execution: ExecutionFeedback
    data: DataFeedback | None = None
    training: TrainingFeedback | None = None
    evaluation: EvaluationFeedback | None = None
    headroom: SampledRows | None = None
    """How often samples of the model are right on a few raw rows. Measured of accepted models, in runs whose data
    programs may ask the run's own models; ``None`` also where the task's raw rows are no items of its scorer."""

    @property
    def stopped_after(self) -> int | None:
        """The step after which the clock ended the training; ``None`` if it did not."""
        out_of_time = any(finding.code == OUT_OF_TIME for finding in self.execution.findings)
        return self.training.steps if self.training and out_of_time else None
