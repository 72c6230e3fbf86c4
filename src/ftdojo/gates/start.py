"""Warm starts at gate 1: the iteration from which a training starts was evaluated, and has the same kind of weights.

The iteration decides more than the submission's own files: so these checks need the history of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ftdojo.contract.method_config import BASE, MethodConfig
from ftdojo.contract.submission import TRAIN
from ftdojo.findings import Finding
from ftdojo.plain import plural
from ftdojo.training import trainer_of

WHERE = f"{TRAIN}: start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts:
    """The iterations of a run from which a training may start."""

    allowed: bool
    """Whether the run allows it at all."""
    iterations: int
    """The number of finished iterations."""
    best: int | None
    """The number of the best iteration so far; ``None`` if none was accepted."""
    evaluated: Mapping[int, MethodConfig | None]
    """Number of each evaluated iteration -> its ``train.yaml``; ``None`` if its files, or those of an iteration to
    which it goes back, were changed afterwards."""

    def resolve(self, config: MethodConfig) -> int | None:
        """Return the number of the iteration from which a training starts; ``None`` for the base model."""
        if config.start == "best":
            return self.best
        return None if config.start == BASE else config.start


def check_start(config: MethodConfig, starts: Starts | None) -> Iterator[Finding]:
    """Check from which weights a training starts.

    Args:
        config: the configuration of the training.
        starts: ``None`` outside of a run. Then the iteration cannot be checked, and a warning says so.
    """
    if config.start == BASE:
        return
    if not config.facts.continues:
        message = f"method {config.method} cannot start from the weights of an iteration"
        yield _finding("cannot_continue", message, "set start to base, or choose another method")
    elif starts is None:
        message = f"start is {config.start}, but no run is known here: the trial starts from the base model"
        fix = "a run checks this: see its findings, or `precheck` of an outside agent"
        yield _finding("start_not_checked", message, fix).model_copy(update={"severity": "warning"})
    elif not starts.allowed:
        yield _finding("no_warm_start", "this run allows trainings from the base model only", "set start to base")
    else:
        yield from _check_iteration(config, starts)


def _check_iteration(config: MethodConfig, starts: Starts) -> Iterator[Finding]:
    number, evaluated = starts.resolve(config), ", ".join(map(str, sorted(starts.evaluated)))
    fix = f"set start to base, or to an evaluated iteration: {evaluated}" if evaluated else "set start to base"
    if number is None:
        yield _finding("unknown_start", "start is best, but no iteration is accepted yet", fix)
    elif number > starts.iterations:
        yield _finding(
            "unknown_start", f"start is {number}, but the run has {plural(starts.iterations, 'iteration')}", fix
        )
    elif number not in starts.evaluated:
        yield _finding("unknown_start", f"start is {number}, but iteration {number} was not evaluated", fix)
    elif (earlier := starts.evaluated[number]) is None:
        message = f"the files of iteration {number}, or of one to which it goes back, were changed afterwards"
        yield _finding("start_changed", message, "set start to base, or to another evaluated iteration")
    else:
        yield from trainer_of(config).check_start(config, earlier)


def _finding(code: str, message: str, fix: str) -> Finding:
    return Finding(code=code, gate=1, message=message, where=WHERE, fix=fix)
