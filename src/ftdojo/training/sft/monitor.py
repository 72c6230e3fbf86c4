"""Monitors a training: records its curves, reports progress, keeps the best weights, stops the training early.

A training is stopped when its loss fails (not finite, diverged), when its first half taught nothing, or when its time
is over. If there are usable weights, those with the lowest held-out loss (without held-out rows: the last) are kept,
and the reason is a warning. Otherwise it is an error. It is also an error if the first steps show that the time will
not suffice, because then another configuration is worth more than the beginning of this one.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch
from transformers import TrainerCallback

from ftdojo.contract.feedback import RewardPoint, RolloutPoint
from ftdojo.contract.train_config import OUT_OF_TIME
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.training.backend import REFERENCE_DRIFT, REWARD_ACCURACY, REWARD_MARGIN, OnLog, Point, Step
from ftdojo.training.sft.batches import Batch
from ftdojo.training.sft.objective import CROSS_ENTROPY, Loss, Objective
from ftdojo.training.sft.sharding import trained_parts

DIVERGED, LOST, LAST_POINTS = 3.0, 7.0, 5
"""A loss has diverged when so many points in a row are above this multiple of the first one, and above this value: a
single point can be that of a hard batch, and the first one that of an easy one. A model whose loss stays above seven
nats knows less than how frequent each token is. A choice, not a measured value."""
EARLY = 0.25
"""A training that is forecast to exceed its time is stopped only within this first share of its steps."""
MARGIN = 1.25
"""A forecast from a few steps has to exceed the time by this factor."""
FORECAST_STEPS = 3
HALF, FALLEN = 0.5, 0.98
LEARNING_POINTS = 16
"""Fewest points of the curve for comparing its beginning and its end."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Batches that are not trained on, if there are any, and what is minimized."""

    batches: Sequence[Batch]
    objective: Objective[Any]


class Monitor(TrainerCallback):  # type: ignore[misc]
    """The callback of one training."""

    def __init__(
        self,
        held_out: HeldOut | None,
        *,
        every: int,
        patience: int | None,
        on_log: OnLog | None,
        time_left_s: float | None = None,
        stop_after: int | None = None,
        agree: Callable[[bool], bool] | None = None,
        leads: bool = True,
    ) -> None:
        """Prepare the monitor of one training.

        Args:
            held_out: what to evaluate on; ``None`` for no batches and the cross-entropy.
            every: steps between two evaluations.
            patience: evaluations without improvement after which to stop; if given, the best weights are restored at
                the end. They are also restored when the training is stopped for its loss or its time.
            on_log: called with ``step``, ``steps``, ``loss``, ``grad_norm``, ``learning_rate`` and ``tokens_per_s``,
                and with what the objective logs.
            time_left_s: most seconds that the training may take.
            stop_after: the step after which the time was over, to repeat a training that ran out of time.
            agree: in distributed runs, replaces this rank's decision, whether the time is over or to stop for another
                reason, with rank 0's; called twice after every step.
            leads: whether this is rank 0, whose clock decides.
        """
        self.curve: list[Point] = []
        self.eval_curve: list[tuple[int, float]] = []
        self.rewards: list[RewardPoint] = []
        self.rollouts: list[RolloutPoint] = []
        """Both are empty if the objective logs no such points."""
        self._logged: Counter[str] = Counter()
        """Sums of what the objective logs, since the last point of the curve."""
        self._count = 0
        """Over how many units or answers these are summed."""
        self.tokens = 0
        """Tokens trained on, without padding; updated by the trainer."""
        self.steps: list[Step] = []
        self._marked = 0, 0.0
        """Tokens and seconds at the end of the last step."""
        self._held_out = held_out or HeldOut([], CROSS_ENTROPY)
        self._every, self._patience = every, patience
        self._on_log = on_log
        self._begun = 0.0
        self._measuring = 0.0
        self._best: dict[str, torch.Tensor] = {}
        self._time_left_s, self._stop_after = time_left_s, stop_after
        self._agree, self._leads = agree, leads
        self._halfway = False
        self.stopped: Finding | None = None
        """If the training was stopped before its end: the reason."""

    @property
    def seconds(self) -> float:
        """Seconds that the training has run, without evaluations on held-out rows."""
        return time.monotonic() - self._begun - self._measuring

    @property
    def steady_tokens_per_s(self) -> float:
        """Tokens per second after the first step, which also prepares buffers and kernels; with one step, that one."""
        steady = self.steps[1:] or self.steps
        return sum(step.tokens for step in steady) / sum(step.seconds for step in steady)

    def add(self, loss: Loss) -> None:
        """Add what the objective logs of one batch to the next point of the curve."""
        if loss.logged:
            self._count += int(loss.units) if loss.count is None else loss.count
            self._logged.update({name: float(total) for name, total in loss.logged.items()})

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock."""
        self._begun = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Record one logged interval.

        Raises:
            InputError: if its loss is not finite or has diverged, and there are no earlier weights to restore.
        """
        if not logs or "loss" not in logs:
            return
        point = Point(state.global_step, logs["loss"], logs.get("grad_norm", 0.0), logs["learning_rate"])
        if not (math.isfinite(point.loss) and math.isfinite(point.grad_norm)):
            _require_finite_start(point)
            self._stop_lost("loss_not_finite", f"the loss or its gradient was not finite at step {point.step}", control)
            return
        self.curve.append(point)
        means = {name: total / self._count for name, total in self._logged.items()}
        if REWARD_MARGIN in means:
            margin, accuracy, drift = means[REWARD_MARGIN], means[REWARD_ACCURACY], means.get(REFERENCE_DRIFT)
            self.rewards.append(RewardPoint(step=point.step, margin=margin, accuracy=accuracy, drift=drift))
        elif means:
            self.rollouts.append(RolloutPoint(step=point.step, **means))
        self._logged, self._count = Counter(), 0
        first = self.curve[0].loss
        if has_diverged(self.curve):
            message = f"the loss rose from {first:.2f} to {point.loss:.2f} by step {point.step}"
            self._stop_lost("diverged", message, control)
        elif self._learns_nothing(state.global_step / state.max_steps):
            message = f"the loss has not fallen from {first:.2f} in {point.step} of {state.max_steps} steps"
            self._stop(control, _finding("no_learning", message, "learning_rate", "raise it, or check the answers"))
        elif means and (found := self._held_out.objective.judge(self.rewards, self.rollouts)) is not None:
            self._stop(control, found)
        if self._on_log is not None:
            logged = {"step": point.step, "steps": state.max_steps, "loss": point.loss, "grad_norm": point.grad_norm}
            speed = self.tokens / max(self.seconds, 1e-9)
            self._on_log({**logged, "learning_rate": point.learning_rate, "tokens_per_s": speed, **means})

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Evaluate if it is due, and decide whether to stop."""
        tokens, seconds = self.tokens, self.seconds
        self.steps.append(Step(tokens - self._marked[0], seconds - self._marked[1]))
        self._marked = tokens, seconds
        last = state.global_step == state.max_steps
        if self._held_out.batches and (last or state.global_step % self._every == 0):
            self._measure(model, state.global_step)
            if self._patience is not None and self._without_gain() >= self._patience:
                control.should_training_stop = True
        time_is_up = not last and self._time_is_up(state.global_step, state.max_steps)
        if self._agree is not None:  # now, as the processes of a sharded network evaluate it together
            time_is_up = self._agree(time_is_up)
        if time_is_up:
            self._measure(model, state.global_step)
            message = f"the time was over after {state.global_step} of {state.max_steps} steps"
            fix = f"set epochs to at most {state.epoch:.2f}"
            self._stop(control, _finding(OUT_OF_TIME, message, "epochs", fix))
        if self._agree is not None:
            control.should_training_stop = self._agree(bool(control.should_training_stop))

    def on_train_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Restore the best weights if ``patience`` was given or the training was stopped."""
        if self._best and (self._patience is not None or self.stopped is not None):
            for name, part in trained_parts(model).items():
                part.copy_(self._best[name])

    def _stop(self, control: Any, finding: Finding) -> None:
        self.stopped = finding.model_copy(update={"severity": "warning"})
        control.should_training_stop = True

    def _stop_lost(self, code: str, message: str, control: Any) -> None:
        """Stop with the best weights so far; without any, raise the finding as an ``InputError``."""
        finding = _finding(code, message, "learning_rate", "lower learning_rate, or raise warmup_ratio")
        if not self._best:
            raise InputError([finding])
        step = min(self.eval_curve, key=lambda point: point[1])[0]
        kept = f"{message}; the weights of step {step} are kept"
        self._stop(control, finding.model_copy(update={"message": kept}))

    def _learns_nothing(self, done: float) -> bool:
        """Whether the loss has not fallen from the first to the last quarter of the curve after half of the steps.

        Checked once, and not while the learning rate still rises.
        """
        losses, quarter = [point.loss for point in self.curve], len(self.curve) // 4
        if not self._held_out.objective.falls or self._halfway or done < HALF or len(losses) < LEARNING_POINTS:
            return False
        if self.curve[-1].learning_rate > self.curve[-2].learning_rate:
            return False
        self._halfway = True
        if any(loss < FALLEN * losses[0] for _, loss in self.eval_curve):
            return False
        return fmean(losses[-quarter:]) >= fmean(losses[:quarter])

    def _time_is_up(self, step: int, steps: int) -> bool:
        """Whether no further step fits into the time.

        Raises:
            InputError: early in a training, if the whole training will exceed the time by far (``over_budget``).
        """
        if self._stop_after is not None:
            return step >= self._stop_after
        if not self._leads or self._time_left_s is None or step < FORECAST_STEPS:
            return False
        elapsed = time.monotonic() - self._begun
        pace = (elapsed - self.steps[0].seconds) / (step - 1)
        forecast = elapsed + pace * (steps - step)
        if step <= EARLY * steps and forecast > MARGIN * self._time_left_s:
            message = f"at this speed the training takes {forecast:.0f} s, but only {self._time_left_s:.0f} s were left"
            fits = max(0.0, self._time_left_s / forecast)
            fix = f"reduce epochs to {fits:.0%} of their number, or use fewer rows"
            raise InputError([_finding("over_budget", message, "epochs", fix, fits=fits)])
        return elapsed + pace > self._time_left_s

    def _measure(self, model: Any, step: int) -> None:
        if not self._held_out.batches or (self.eval_curve and self.eval_curve[-1][0] == step):
            return
        begun = time.monotonic()
        loss = evaluate(model, self._held_out.batches, self._held_out.objective)
        self.eval_curve.append((step, loss))
        if loss == min(value for _, value in self.eval_curve):
            self._best = {name: part.to("cpu", copy=True) for name, part in trained_parts(model).items()}
        self._measuring += time.monotonic() - begun

    def _without_gain(self) -> int:
        losses = [loss for _, loss in self.eval_curve]
        return len(losses) - 1 - losses.index(min(losses))


def has_diverged(curve: Sequence[Point]) -> bool:
    """Whether the loss is so high that its training is lost."""
    losses = [point.loss for point in curve]
    return len(losses) > LAST_POINTS and min(losses[-LAST_POINTS:]) > max(LOST, DIVERGED * losses[0])


def evaluate(network: Any, batches: Sequence[Batch], objective: Objective[Any] = CROSS_ENTROPY) -> float:
    """Return the mean loss over all units of ``batches``: by default in nats per label token."""
    training, device = network.training, network.device
    network.eval()
    with torch.no_grad():
        parts = [objective.loss(network, {name: t.to(device) for name, t in batch.items()}) for batch in batches]
    network.train(training)
    return float(sum(float(part.total) for part in parts) / sum(int(part.units) for part in parts))


def _require_finite_start(point: Point) -> None:
    """Raise an ``InputError`` if the loss of the first step, which is measured before any weight is changed, is not
    finite: no learning rate is to blame."""
    if point.step == 1 and not math.isfinite(point.loss):
        message = "the loss was not finite at step 1, before any weight was changed"
        fix = "check the weights of the model that the training starts from: some are not finite, or too large"
        raise InputError([_finding("loss_not_finite", message, "start", fix)])


def _finding(code: str, message: str, key: str, fix: str, *, fits: float | None = None) -> Finding:
    return Finding(code=code, message=message, where=f"train.yaml: {key}", fix=fix, fits=fits)
