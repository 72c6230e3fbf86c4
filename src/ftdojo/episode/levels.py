"""The data and training levels of feedback, from what the stages stored. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any, Literal

from ftdojo.contract.feedback import DataFeedback, Distribution, LossPoint, TrainingFeedback

Fit = Literal["under_fit", "good", "over_fit", "unstable"]

ROSE = 1.03
"""A held-out loss this many times its own minimum has risen."""
FELL = 0.92
"""A loss below this share of the one before is still falling."""
SPIKE = 1.5
"""A training loss that ends this many times above its lowest quarter is unstable."""


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


def training(facts: dict[str, Any]) -> TrainingFeedback:
    """From the facts of a training (:class:`ftdojo.training.sft.trainer.TrainResult`)."""
    curve = [LossPoint.model_validate(point) for point in facts["curve"]]
    losses = [point.loss for point in curve]
    held_out = [loss for _, loss in facts["eval_curve"]]
    return TrainingFeedback(
        steps=facts["steps"],
        epochs=facts["epochs"],
        tokens_per_s=facts["tokens"] / facts["seconds"],
        peak_memory_bytes=facts["peak_memory_bytes"],
        curve=curve,
        train_loss=_quarters(losses)[-1],
        eval_loss=held_out[-1] if held_out else None,
        eval_curve=facts["eval_curve"],
        fit=diagnose_fit(losses, held_out),
    )


def diagnose_fit(losses: Sequence[float], held_out: Sequence[float]) -> Fit:
    """What the curves say: ``losses`` of training at even steps, ``held_out`` losses in order (may be empty)."""
    quarters = _quarters(losses)
    rose = bool(held_out) and held_out[-1] > ROSE * min(held_out)
    if quarters[-1] > SPIKE * min(quarters) + 0.1 and (rose or not held_out):
        return "unstable"
    if rose:
        return "over_fit"
    curve = held_out or quarters
    return "under_fit" if len(curve) > 1 and curve[-1] < FELL * curve[-2] else "good"


def _quarters(losses: Sequence[float]) -> list[float]:
    """The mean of each quarter of a curve. Batches differ in what they ask, so single points say little."""
    cuts = [round(k * len(losses) / 4) for k in range(5)]
    return [fmean(losses[a:b]) for a, b in pairwise(cuts) if b > a]
