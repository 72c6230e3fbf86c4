"""The data and training levels of feedback, from what the stages stored. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

from ftdojo.contract.feedback import (
    DataFeedback,
    Distribution,
    Fit,
    LossPoint,
    RewardPoint,
    RolloutPoint,
    TrainingFeedback,
)

ROSE = 1.03
"""A held-out loss this many times its own minimum has risen, if there are enough held-out rows to show it."""
MIN_HELD_OUT = 32
"""From fewer held-out rows no conclusion is drawn."""
Z = 1.96
"""Half the width of a 95 % interval, in standard errors."""
FELL = 0.92
"""A loss below this share of the one before is still falling."""
NEGLIGIBLE = 0.005
"""In the unit of the loss: by less than this a loss neither falls nor rises. For an answer of forty tokens it is a
factor of 1.2 in its probability."""
SPIKE = 1.5
"""A training loss that ends this many times above its lowest quarter is unstable."""
NOTICED = 0.05
"""Rewards that differ less than this between quarters have not changed."""
HALF = 0.5
"""Rewards that lost this share of what they had gained are unstable."""
STILL_RISING = 0.25
"""Rewards whose last quarter brought this share of the whole gain are still rising."""


def data(rows: dict[str, Any], tokens: dict[str, Any]) -> DataFeedback:
    """From the facts of the rows (:class:`ftdojo.gates.data_program.DataReport`) and of their tokens."""

    def spread(name: str) -> Distribution:
        return Distribution(p50=tokens[f"{name}_p50"], p95=tokens[f"{name}_p95"], max=tokens[f"{name}_max"])

    return DataFeedback(
        **rows,
        row_tokens=spread("row"),
        label_tokens=spread("label"),
        truncated_share=tokens["truncated"] / tokens["rows"],
    )


def training(facts: dict[str, Any], *, held_out_rows: int) -> TrainingFeedback:
    """From the facts of a training (:class:`ftdojo.training.backend.TrainResult`).

    Args:
        held_out_rows: how many rows the losses of ``eval_curve`` were measured on.
    """
    curve = [LossPoint.model_validate(point) for point in facts["curve"]]
    losses = [point.loss for point in curve]
    held_out = [loss for _, loss in facts["eval_curve"]]
    rollouts = [RolloutPoint.model_validate(point) for point in facts.get("rollouts", [])]
    return TrainingFeedback(
        steps=facts["steps"],
        epochs=facts["epochs"],
        tokens_per_s=facts["tokens"] / facts["seconds"],
        seconds=facts["seconds"],
        peak_memory_bytes=facts["peak_memory_bytes"],
        curve=curve,
        train_loss=_quarters(losses)[-1],
        eval_loss=held_out[-1] if held_out else None,
        eval_curve=facts["eval_curve"],
        rewards=[RewardPoint.model_validate(point) for point in facts.get("rewards", [])] or None,
        rollouts=rollouts or None,
        held_out_rows=held_out_rows,
        fit=diagnose_rewards([point.reward for point in rollouts])
        if rollouts
        else diagnose_fit(losses, held_out, held_out_rows=held_out_rows),
    )


def diagnose_fit(losses: Sequence[float], held_out: Sequence[float], *, held_out_rows: int) -> Fit:
    """What the curves say.

    Args:
        losses: of training, at even steps.
        held_out: losses on the held-out rows, in order; may be empty.
        held_out_rows: how many these are. Fewer than :data:`MIN_HELD_OUT` are ignored.
    """
    quarters, measured = _quarters(losses), held_out if held_out_rows >= MIN_HELD_OUT else []
    rose = bool(measured) and measured[-1] > _largest_by_chance(min(measured), held_out_rows)
    if quarters[-1] > SPIKE * min(quarters) + 0.1 and (rose or not measured):
        return "unstable"
    if rose:
        return "over_fit"
    curve = measured or quarters
    falls = len(curve) > 1 and curve[-1] < min(FELL * curve[-2], curve[-2] - NEGLIGIBLE)
    return "under_fit" if falls else "good"


def diagnose_rewards(rewards: Sequence[float]) -> Fit:
    """What the mean rewards of a training's answers say, at even steps."""
    quarters = _quarters(rewards)
    span = max(quarters) - min(quarters)
    if span < NOTICED:
        return "good"
    if quarters[-1] < max(quarters) - HALF * span:
        return "unstable"
    return "under_fit" if len(quarters) > 1 and quarters[-1] - quarters[-2] > STILL_RISING * span else "good"


def _largest_by_chance(lowest: float, rows: int) -> float:
    """Up to which a held-out loss may differ from its minimum without having risen.

    Losses of single rows vary about as much as their mean, so the mean over ``rows`` has a standard error of about
    ``lowest / sqrt(rows)``. The same rows are measured each time, so the error of the difference is not larger.
    """
    return max(lowest * max(ROSE, 1 + Z / math.sqrt(rows)), lowest + NEGLIGIBLE)


def _quarters(losses: Sequence[float]) -> list[float]:
    """The mean of each quarter of a curve. Batches differ in what they ask, so single points say little."""
    cuts = [round(k * len(losses) / 4) for k in range(5)]
    return [fmean(losses[a:b]) for a, b in pairwise(cuts) if b > a]
