"""``metrics.jsonl``: the numbers of a run as it goes, one JSON object a line, for any program that draws curves.

A line has the iteration (0 is the base model), the optimizer step where there is one, and numbers by name:
``train/loss``, ``train/grad_norm``, ``train/learning_rate``, ``train/held_out_loss``; of a training on preferences
``train/reward_margin`` and ``train/reward_accuracy``, and of one on rewards ``train/`` with each field of
:class:`~ftdojo.contract.feedback.RolloutPoint`; ``validation/METRIC`` with ``/low`` and ``/high`` of its 95 %
interval, ``validation/accepted`` (1 or 0), ``spent/wall_s`` and ``spent/device_s``; ``test/METRIC`` and
``test/base_METRIC`` at the end, with their intervals; for both splits also the scores of what needs no training:
``constant_METRIC``, ``majority_METRIC`` and ``few_shot_METRIC``. A training adds its lines as it goes. When an event
is recorded, the file is written again from the ledger, so it never says anything else.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence

from pydantic import BaseModel, ConfigDict

from ftdojo.contract.budget import Spent
from ftdojo.contract.feedback import RolloutPoint
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import Score, TrivialAnswers
from ftdojo.disk import disk_errors
from ftdojo.files import write_file
from ftdojo.record.events import BaselineMeasured, IterationEnded, RunEvent, RunFinished, TestScored
from ftdojo.record.history import History
from ftdojo.record.run_folder import RunFolder

SHOWN = (BaselineMeasured, IterationEnded, TestScored, RunFinished)
"""Events after which the file is written again."""
ROLLOUT = tuple(name for name in RolloutPoint.model_fields if name != "step")
PREFERENCE = ("reward_margin", "reward_accuracy", "reference_drift")
LOGGED = ("loss", "grad_norm", "learning_rate", "tokens_per_s", *PREFERENCE, *ROLLOUT)
"""What a training logs as it goes, without its step."""


class Line(BaseModel):
    """A line of the file."""

    model_config = ConfigDict(frozen=True)

    iteration: int
    step: int | None = None
    """The optimizer step; ``None`` for the numbers of a whole iteration."""
    values: dict[str, float]


Follower = Callable[[Sequence[Line]], None]
"""Receives lines, some of them again."""


class Metrics:
    """Writes the file of a run, and passes every line on."""

    def __init__(self, folder: RunFolder, history: History) -> None:
        self._folder, self._history = folder, history
        self._turn = threading.Lock()
        self.followers: list[Follower] = []
        history.followers.append(self._write)

    def log_step(self, log: dict[str, float]) -> None:
        """Add what a training has logged of one step."""
        values = {f"train/{name}": log[name] for name in LOGGED if name in log}
        line = Line(iteration=len(self._history.iterations) + 1, step=int(log["step"]), values=values)
        with self._turn, disk_errors(self._folder.metrics), self._folder.metrics.open("a", encoding="utf-8") as stream:
            stream.write(_text([line]))
        self._pass_on([line])

    def _write(self, event: RunEvent) -> None:
        if isinstance(event, SHOWN):
            lines = list(read_metrics(self._history))
            with self._turn, disk_errors(self._folder.metrics):
                write_file(self._folder.metrics, _text(lines))
            self._pass_on(lines)

    def _pass_on(self, lines: Sequence[Line]) -> None:
        for follower in self.followers:
            follower(lines)


def read_metrics(history: History) -> Iterator[Line]:
    """Yield the lines that follow from the record of a run."""
    spent = Spent()
    for recorded in history.events:
        spent += recorded.charge
        match recorded.event:
            case BaselineMeasured(evaluation=evaluation, trivial=trivial):
                base = _score("validation", evaluation.score)
                yield Line(iteration=0, values={**base, **_trivial("validation", trivial)})
            case IterationEnded(iteration=iteration):
                yield from _training(iteration)
                scored = _score("validation", iteration.score) if iteration.score else {}
                used = {"spent/wall_s": spent.wall_s, "spent/device_s": spent.device_s}
                accepted = {"validation/accepted": float(iteration.accepted)}
                yield Line(iteration=iteration.number, values={**scored, **accepted, **used})
            case TestScored(baseline=baseline, best=best, trivial=trivial):
                models = _score("test", best) | _score("test", baseline, of="base_")
                yield Line(iteration=history.best, values={**models, **_trivial("test", trivial)})


def _training(iteration: Iteration) -> Iterator[Line]:
    training = iteration.feedback.training
    if training is None:
        return
    rewards = {point.step: point for point in training.rewards or ()}
    rollouts = {point.step: point for point in training.rollouts or ()}
    for point in training.curve:
        values = {"loss": point.loss, "grad_norm": point.grad_norm, "learning_rate": point.learning_rate}
        if reward := rewards.get(point.step):
            drift = {} if reward.drift is None else {"reference_drift": reward.drift}
            values |= {"reward_margin": reward.margin, "reward_accuracy": reward.accuracy, **drift}
        if rollout := rollouts.get(point.step):
            values |= rollout.model_dump(exclude={"step"})
        named = {f"train/{name}": value for name, value in values.items()}
        yield Line(iteration=iteration.number, step=point.step, values=named)
    for step, loss in training.eval_curve:
        yield Line(iteration=iteration.number, step=step, values={"train/held_out_loss": loss})


def _trivial(split: str, answers: TrivialAnswers | None) -> dict[str, float]:
    scores = answers.scores if answers else {}
    return {name: value for key, score in scores.items() for name, value in _score(split, score, of=f"{key}_").items()}


def _score(split: str, score: Score, of: str = "") -> dict[str, float]:
    name = f"{split}/{of}{score.metric}"
    return {name: score.value, f"{name}/low": score.interval[0], f"{name}/high": score.interval[1]}


def _text(lines: Sequence[Line]) -> str:
    """Return the lines; a number that JSON cannot hold is left out."""
    return "".join(json.dumps(_fields(line)) + "\n" for line in lines)


def _fields(line: Line) -> dict[str, float]:
    place = {"iteration": line.iteration} | ({} if line.step is None else {"step": line.step})
    return {**place, **{name: value for name, value in line.values.items() if abs(value) < float("inf")}}
