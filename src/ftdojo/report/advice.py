"""What to do after a run, in commands: the same on the terminal and on the page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ftdojo.contract.options import duration_text
from ftdojo.contract.result import IterationResult
from ftdojo.contract.train_config import OUT_OF_TIME
from ftdojo.record.events import RunBegun
from ftdojo.report.next_steps import next_steps

TIME = frozenset({"over_budget", OUT_OF_TIME})
"""Codes of findings that say that the time did not suffice."""
COMMANDS = ("ftdojo ", "vllm ")
FEW = 3
"""A run with fewer scored iterations has had little chance to correct itself."""
NO_GAIN = (
    "give more raw rows (see the table of what more would buy), a stronger base model with --model, or another agent"
)
FORGETS = (
    "a model was better on the task, and not shown to keep a guard task: give raw rows of its kind too, or allow a "
    "larger --guard-margin in a new run, which takes what was trained from the store"
)


@dataclass(frozen=True, slots=True)
class Step:
    """A thing to do, and the command for it; without a command it is advice."""

    what: str
    command: str = ""


def repeat_command(begun: RunBegun, out: Path, *, wall_s: float | None = None) -> str:
    """Return the command that runs the same again, from the beginning, in another folder.

    Args:
        begun: the first event of the run.
        out: the new folder.
        wall_s: another limit of the time.
    """
    configuration = begun.configuration
    # The planner of a run without a language model is the agent's own.
    planner = configuration.planner if ":" in configuration.planner else None
    options = configuration.options(begun.task, begun.guard.values()).model_copy(update={"planner": planner})
    if wall_s is not None:
        options = options.model_copy(update={"wall_s": wall_s})
    return shlex.join(["ftdojo", "run", begun.task, *options.arguments(), "--out", str(out)])


def lacked_time(iterations: Sequence[IterationResult], *, out_of_budget: bool) -> bool:
    """Whether nothing was scored because the time did not suffice."""
    if any(i.validation is not None for i in iterations):
        return False
    return out_of_budget or any(finding.code in TIME for i in iterations for finding in i.findings)


def is_cut_short(begun: RunBegun, iterations: Sequence[IterationResult], best: int) -> bool:
    """Whether there was time for a few iterations alone, and the best model leaves something to gain."""
    scored = [i for i in iterations if i.validation is not None]
    wall_s, score = begun.configuration.budget.get("wall_s"), iterations[best - 1].validation
    if wall_s is None or score is None or begun.best_value is None or len(scored) >= FEW:
        return False
    low, high = score.interval
    left = wall_s - sum(i.seconds.total for i in iterations)
    return not low <= begun.best_value <= high and left < max(i.seconds.total for i in scored)


def advise(
    run: Path, begun: RunBegun, iterations: Sequence[IterationResult], *, best: int, out_of_budget: bool
) -> list[Step]:
    """Return what to do with a finished run: use its model, or change what kept it from gaining anything.

    Args:
        run: its folder.
        begun: its first event.
        iterations: their results.
        best: number of the best iteration; 0 is the base model.
        out_of_budget: whether the run ended because a limit was reached.
    """
    folder = shlex.quote(str(run))
    again = run.parent / f"{run.resolve().name}-2"
    wall_s = 3 * (begun.configuration.budget.get("wall_s") or 1800.0)
    longer = repeat_command(begun, again, wall_s=wall_s)
    if best:
        use = [Step(what, command) for what, command in next_steps(run) if command.startswith(COMMANDS)]
        verify = Step("check the run again from its record", f"ftdojo verify {folder}")
        if not is_cut_short(begun, iterations, best):
            return [*use, verify]
        return [
            *use,
            Step(f"give it three times the time ({duration_text(wall_s)}): few iterations fitted", longer),
            verify,
        ]
    if lacked_time(iterations, out_of_budget=out_of_budget):
        return [
            Step(
                f"give it three times the time ({duration_text(wall_s)}); finished stages are not made again",
                longer,
            ),
            Step("or take a smaller model with --model, or fewer and shorter rows"),
        ]
    if not any(i.validation is not None for i in iterations):
        return [Step("read the findings, which say what was refused and how to repair it", f"ftdojo report {folder}")]
    if any(i.forgotten for i in iterations):
        return [Step(FORGETS), Step("see what is lost", f"ftdojo report {folder}")]
    return [Step(NO_GAIN), Step("see which answers are wrong", f"ftdojo report {folder}")]
