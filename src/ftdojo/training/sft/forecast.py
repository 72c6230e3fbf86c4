"""Forecast of a training's duration from a few real steps, before its cost is charged.

The time of a step is modelled as a fixed part plus a part proportional to its floating-point operations. Two batches,
the most expensive one and a cheaper one, give both; the whole training is the sum over its batches.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ftdojo import digest
from ftdojo.contract.train_config import WeightsConfig
from ftdojo.models import Compute, compute, describe
from ftdojo.models.resident import Resident
from ftdojo.training.sft.estimate import operations
from ftdojo.training.sft.objective import CROSS_ENTROPY, Objective
from ftdojo.training.sft.parallel import train_on_devices
from ftdojo.training.sft.shapes import cut_batches, shape
from ftdojo.training.sft.tokens import S

PASSES = 2
"""Steps on each of the batches, of which the fastest counts: the first also allocates buffers, compiles kernels and
touches memory for the first time."""
CHEAP = 0.25
"""Position of the cheaper batch in the order of cost, 0 to 1."""
FORWARD = 1 / 3
"""Operations of evaluating a batch, which has no backward pass, as a share of those of a training step."""


def forecast(
    examples: Sequence[S],
    config: WeightsConfig,
    base: Path,
    *,
    objective: Objective[S] = CROSS_ENTROPY,
    on: Compute | None = None,
    resident: Resident | None = None,
) -> float:
    """Return the seconds that a training will take for its steps, for its evaluations on held-out rows, and for what
    its objective computes before.

    It trains a few steps with ``config``, on the most expensive and on a cheaper batch; if the model is split over
    several devices, on as many of each. What it measured is kept in ``resident``, which also lends the network, and
    serves other rows whose batches cost as much at most: those fit into memory, too.

    Raises:
        InputError: as :func:`ftdojo.training.sft.trainer.train`.
        UsageError: if the model's architecture is not supported.
    """
    model = describe(base)
    batches = cut_batches(examples, config.batch_size)
    costs = [operations(model, shape(batch, share=True)) for batch in batches]
    full = [k for k, batch in enumerate(batches) if len(batch) == config.batch_size] or [0]
    ranked = sorted(full, key=costs.__getitem__)
    together = config.devices if config.is_sharded else 1  # batches that are computed at the same time
    trial = config.model_copy(
        update={
            "devices": together,
            "epochs": PASSES,
            "max_steps": None,
            "warmup_ratio": 0.0,
            "gradient_accumulation": 1,
            "eval_fraction": 0.0,
            "patience": None,
        }
    )
    measured = resident.measured if resident else {}
    key = "speed of training", base, str(on or compute()), digest.of_value(trial.but_size)
    speed: Speed | None = measured.get(key)
    if speed is None or not speed.covers(costs[ranked[0]], costs[ranked[-1]]):
        cheap = int(CHEAP * (len(ranked) - 1))
        rows = [batches[k] for k in sorted({*ranked[cheap : cheap + together], *ranked[-together:]})]
        speed = measured[key] = _measure(rows, trial, base, on=on, resident=resident)
    fixed, rate = speed.fixed, speed.rate
    per_epoch, steps = config.steps_per_epoch(len(examples)), config.steps(len(examples))
    held_out = config.eval_fraction
    epoch_s = sum(fixed + rate * cost for cost in costs) * (1 - held_out) / config.devices
    measured_s = FORWARD * held_out * rate * sum(costs) * 2 * steps / per_epoch if held_out else 0.0
    before_s = objective.passes_before * sum(fixed + FORWARD * rate * cost for cost in costs)
    return before_s + epoch_s * steps / per_epoch + measured_s


@dataclass(frozen=True, slots=True)
class Speed:
    """How long a step takes: ``fixed`` seconds, and ``rate`` seconds for each operation of its batch's forward pass."""

    fixed: float
    rate: float
    least: float
    """Operations of the cheapest batch that was measured."""
    most: float
    """Operations of the most expensive one."""

    def covers(self, least: float, most: float) -> bool:
        """Whether it holds for batches with operations in this range. A single point does not show what is fixed, and
        so nothing of cheaper batches."""
        return most <= self.most and (self.least < self.most or least >= self.least)


def _measure(
    batches: Sequence[list[S]],
    trial: WeightsConfig,
    base: Path,
    *,
    on: Compute | None,
    resident: Resident | None,
) -> Speed:
    rows, model = [row for batch in batches for row in batch], describe(base)
    with tempfile.TemporaryDirectory(prefix="ftdojo-trial-") as folder:
        result = train_on_devices(rows, trial, base, Path(folder), on=on, resident=resident)
    # The sampler may cut the rows into other batches, in its own order, so batches are matched by their tokens.
    again = {
        trial.devices * sum(e.tokens for e in b): operations(model, shape(b, share=True))
        for b in cut_batches(rows, trial.batch_size)
    }
    steps = result.step_times[1:]
    timed = [(again[s.tokens], s.seconds) for s in steps if s.tokens in again]
    if not timed:  # so few rows that the devices repeat some of them to fill their batches
        timed = [(max(again.values()), s.seconds) for s in steps]
    at = [cost for cost, _ in timed]
    return Speed(*_line(timed), min(at), max(at))


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return intercept and slope of seconds over operations, neither negative.

    The line goes through the fastest steps with the fewest and with the most operations.
    """
    least, most = min(w for w, _ in points), max(w for w, _ in points)
    low, high = (min(s for w, s in points if w == at) for at in (least, most))
    if most == least:
        return 0.0, high / most
    slope = max(0.0, (high - low) / (most - least))
    if low < slope * least:  # noise, or a step that costs more than its operations suggest
        return 0.0, high / most
    return low - slope * least, slope
