"""The practice of fine-tuning in numbers, each with its source. Pure, and shared by the contestants, so that they
differ in what they do with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Schedule = Literal["constant", "linear"]

PASSES = 3.0
"""Passes over the rows of a plain training: the default of ``transformers.TrainingArguments`` and of most trainers."""
REPEATS = 4.0
"""Up to this number of passes, repeated rows teach nearly as much as new ones (Muennighoff et al. 2023, arXiv
2305.16264)."""
LEAST_STEPS, MOST_PASSES = 60, 8.0
"""Very few rows get more passes, until there are at least this many optimizer steps, and at most this many passes."""
SMALL_BATCH, LARGE_BATCH = 8, 16
"""Rows of an optimizer step."""
MICRO_BATCH = 4
"""Rows that pass together, several times a step. Less memory suffices, and as the trainer puts rows of similar length
together, a step has rows of several lengths."""
LARGE_BATCH_STEPS = 200
"""A large batch needs at least this many optimizer steps: adapters lose by large batches (LoRA Without Regret)."""
HELD_OUT_ROWS, HELD_OUT_SHARE = 64, 0.05
"""Rows held out to measure the loss on, and the greatest share of the rows that may be."""
LEAST_HELD_OUT = 32
"""Where the share allows fewer, all rows are learned from: a loss on a handful of rows says nothing."""

FULL_RATE, AT_WIDTH = 5e-5, 2000
"""The learning rate of full weights at a hidden size of :data:`AT_WIDTH`."""
ADAPTER_RATE = 10.0
"""Learning rate of adapters in multiples of that of full weights, at every rank if ``alpha`` stays the same."""
SHORT_ADAPTER_RATE, SHORT_STEPS = 15.0, 100
"""The same in trainings of at most this number of optimizer steps."""
STEADY: Schedule = "constant"
"""Schedule of a training from which another one goes on: a rate that has fallen to zero has to rise again, which costs
what was gained by its fall (Hägele et al. 2024, arXiv 2405.18392)."""
FALLING: Schedule = "linear"
"""Schedule of the last training, straight to zero (Bergsma et al. 2025, arXiv 2502.15938)."""
CONTINUED_RATES = (1.0, 0.5)
"""Learning rates of a training that goes on from trained weights, in multiples of the first training's: the same, so
that all of them are one long training with one fall at its end. The second is for a second try: the higher the rate,
the more is forgotten (Ibrahim et al. 2024, arXiv 2403.08763)."""
PREFERENCE_RATE = 0.1
"""Learning rate of preferences in multiples of that of right answers with the same kind of weights."""
PREFERENCE_SFT = 0.2
"""Weight of the chosen answer's cross-entropy, which keeps it likely (Pang et al. 2024, arXiv 2404.19733)."""
REWARD_RATE = 0.1
"""Learning rate of rewards in multiples of that of right answers with the same kind of weights."""
GROUP, PROMPTS = 8, 4
"""Answers to a prompt that are compared with each other, and prompts of an optimizer step, of a training on rewards:
small, because here they cost the time that trains. Shao et al. 2024, arXiv 2402.03300, take 64 and 16."""
SAMPLES = 4
"""Answers that are drawn of each row for rejection sampling (Yuan et al. 2023, arXiv 2308.01825, draw up to 100; here
they cost the time that trains)."""
LEAST_HEADROOM = 0.05
"""Share of rows with a right one among several samples, above the share of right samples, from which on drawing them is
worth its time: there is nothing to find where both are the same."""
MUCH_MASTERED = 0.5
"""Share of rows that a model answers rightly in all samples, from which on it learns from the others alone (Mindermann
et al. 2022, arXiv 2206.07137). A choice, not a measured value: to ask takes time that could train."""
WARMUP_SHARE, WARMUP_STEPS, MOST_WARMUP = 0.03, 6, 0.25
"""Share of the steps over which the rate rises, at least so many steps, at most that share. Adam's first steps have the
full rate in every weight, however small its gradient (Ma and Yarats 2021, arXiv 1910.04209), and a training that goes
on from trained weights begins with them again."""
WIDTH_POWER = 0.5
"""The rate falls with this power of the hidden size. Fitted powers are 0.78 for Llama and 0.08 for Qwen models."""


def learning_rate(hidden_size: int, *, adapters: bool, steps: int | None = None) -> float:
    """The peak learning rate to begin with, to two digits: 9.3e-4 for adapters on SmolLM2-135M, 3.7e-4 on a 7B model.

    The form and the constants are those of Schulman et al. 2025, "LoRA Without Regret" (Thinking Machines), who fitted
    them on Llama and Qwen models; the power of the width lies between the two that they found.

    Args:
        hidden_size: of the model.
        adapters: whether the method trains adapters, or else all weights.
        steps: optimizer steps of the training, if they are known: adapters take higher rates where they are few.
    """
    short = steps is not None and steps <= SHORT_STEPS
    factor = (SHORT_ADAPTER_RATE if short else ADAPTER_RATE) if adapters else 1.0
    return float(f"{FULL_RATE * factor * (AT_WIDTH / hidden_size) ** WIDTH_POWER:.2g}")


def rate_ratio(*, adapters_before: bool, adapters_after: bool) -> float:
    """By what a learning rate has to be multiplied when one method takes the place of another."""
    return ADAPTER_RATE ** (adapters_after - adapters_before)


def passes(rows: int) -> float:
    """Passes of a full first training over ``rows`` rows."""
    return max(PASSES, min(MOST_PASSES, LEAST_STEPS * SMALL_BATCH / rows))


def batch_size(row_passes: float) -> int:
    """Rows per optimizer step; ``row_passes``: rows times epochs of the whole training."""
    return LARGE_BATCH if row_passes >= LARGE_BATCH * LARGE_BATCH_STEPS else SMALL_BATCH


def steps(row_passes: float) -> int:
    """Optimizer steps of the whole training, in batches of :func:`batch_size`."""
    return math.ceil(row_passes / batch_size(row_passes))


def warmup_ratio(row_passes: float) -> float:
    """The share of the steps over which the rate rises, to three digits, rounded up: the trainer cuts the steps."""
    share = min(MOST_WARMUP, max(WARMUP_SHARE, WARMUP_STEPS / steps(row_passes)))
    return math.ceil(1000 * share) / 1000


def held_out_share(rows: int) -> float:
    """The share of ``rows`` rows to hold out; 0 if fewer than :data:`LEAST_HELD_OUT` would be."""
    share = min(HELD_OUT_SHARE, HELD_OUT_ROWS / rows)
    return round(share, 4) if share * rows >= LEAST_HELD_OUT else 0.0


@dataclass(frozen=True, slots=True)
class Size:
    """How large a training is."""

    rows: int
    epochs: float


def size_training(rows: int, wanted: float, affordable: float) -> Size:
    """How to spend what can be afforded: all rows once before any row twice, then up to the wanted passes.

    Args:
        rows: that there are.
        wanted: passes over them.
        affordable: row passes, rows times epochs, that fit into the time.
    """
    epochs = math.floor(100 * min(wanted, max(1.0, affordable / rows))) / 100
    return Size(rows=max(1, min(rows, int(affordable / epochs))), epochs=epochs)
