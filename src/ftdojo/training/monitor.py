"""Watches a training: keeps its curves, tells the caller, keeps the best weights, stops what is lost or not wanted."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import TrainerCallback

from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.training.batches import Batch
from ftdojo.training.loss import label_loss

OnLog = Callable[[dict[str, float]], None]
DIVERGED = 3.0
"""A loss this many times the first one is taken for divergence."""


@dataclass(frozen=True, slots=True)
class Point:
    """One logged stretch of steps; ``loss`` is its mean, in nats a label token."""

    step: int
    loss: float
    grad_norm: float
    learning_rate: float


@dataclass(frozen=True, slots=True)
class Step:
    """One optimizer step: the tokens that it trained on, padding not counted, and how long it took."""

    tokens: int
    seconds: float


class Monitor(TrainerCallback):  # type: ignore[misc]
    """The callback of one training."""

    def __init__(
        self,
        held_out: Sequence[Batch],
        *,
        every: int,
        patience: int | None,
        on_log: OnLog | None,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        """Watch a training.

        Args:
            held_out: batches to measure on; may be empty.
            every: steps between two measurements.
            patience: measurements without gain after which to stop; if given, the best weights are put back at the end.
            on_log: called with ``step``, ``steps``, ``loss``, ``grad_norm``, ``learning_rate`` and ``tokens_per_s``.
            should_stop: asked after every step.
        """
        self.curve: list[Point] = []
        self.eval_curve: list[tuple[int, float]] = []
        self.tokens = 0
        """Tokens trained on, padding not counted; kept by the trainer."""
        self.steps: list[Step] = []
        self._held_out, self._every, self._patience = held_out, every, patience
        self._on_log, self._should_stop = on_log, should_stop
        self._begun = 0.0
        self._measuring = 0.0
        self._best: dict[str, torch.Tensor] = {}

    @property
    def seconds(self) -> float:
        """How long the training has run, without the measurements on held-out rows."""
        return time.monotonic() - self._begun - self._measuring

    @property
    def steady_tokens_per_s(self) -> float:
        """The speed after the first step, which also makes buffers and kernels; with one step, of that."""
        steady = self.steps[1:] or self.steps
        return sum(step.tokens for step in steady) / sum(step.seconds for step in steady)

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock."""
        self._begun = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Take one logged stretch.

        Raises:
            InputError: if its loss is not finite or has diverged.
        """
        if not logs or "loss" not in logs:
            return
        point = Point(state.global_step, logs["loss"], logs.get("grad_norm", 0.0), logs["learning_rate"])
        if not (math.isfinite(point.loss) and math.isfinite(point.grad_norm)):
            raise _lost("loss_not_finite", f"the loss or its gradient was not finite at step {point.step}")
        self.curve.append(point)
        first = self.curve[0].loss
        if point.loss > DIVERGED * max(1.0, first):
            raise _lost("diverged", f"the loss rose from {first:.2f} to {point.loss:.2f} by step {point.step}")
        if self._on_log is not None:
            told = {"step": point.step, "steps": state.max_steps, "loss": point.loss, "grad_norm": point.grad_norm}
            speed = self.tokens / max(self.seconds, 1e-9)
            self._on_log({**told, "learning_rate": point.learning_rate, "tokens_per_s": speed})

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Measure when it is time, and say whether to go on."""
        before = sum(step.tokens for step in self.steps), sum(step.seconds for step in self.steps)
        self.steps.append(Step(self.tokens - before[0], self.seconds - before[1]))
        last = state.global_step == state.max_steps
        if self._held_out and (last or state.global_step % self._every == 0):
            self._measure(model, state.global_step)
            if self._patience is not None and self._without_gain() >= self._patience:
                control.should_training_stop = True
        if self._should_stop is not None and self._should_stop():
            control.should_training_stop = True

    def on_train_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Put the best weights back, if they were kept."""
        if self._best:
            model.load_state_dict(self._best, strict=False)

    def _measure(self, model: Any, step: int) -> None:
        begun = time.monotonic()
        loss = evaluate(model, self._held_out)
        self.eval_curve.append((step, loss))
        if self._patience is not None and loss == min(value for _, value in self.eval_curve):
            learned = {name: p for name, p in model.named_parameters() if p.requires_grad}
            self._best = {name: p.detach().to("cpu", copy=True) for name, p in learned.items()}
        self._measuring += time.monotonic() - begun

    def _without_gain(self) -> int:
        losses = [loss for _, loss in self.eval_curve]
        return len(losses) - 1 - losses.index(min(losses))


def evaluate(network: Any, batches: Sequence[Batch]) -> float:
    """The mean loss a label token, in nats, over all label tokens of ``batches``."""
    training, device = network.training, network.device
    network.eval()
    with torch.no_grad():
        parts = [label_loss(network, {name: t.to(device) for name, t in batch.items()}) for batch in batches]
    network.train(training)
    return float(sum(float(total) for total, _ in parts) / sum(int(count) for _, count in parts))


def _lost(code: str, message: str) -> InputError:
    finding = Finding(
        code=code,
        gate=4,
        message=message,
        where="train.yaml: learning_rate",
        fix="lower learning_rate, or raise warmup_ratio",
    )
    return InputError([finding])
