"""Gate 2, first part: a small real run of the data program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ftdojo import sandbox
from ftdojo.contract.recipe import Recipe
from ftdojo.gates import data_program
from ftdojo.gateway.access import Access
from ftdojo.training import Trainer

TRIAL_ROWS = 32
TRIAL_LIMITS = sandbox.Limits(wall_s=120)


def try_program(
    program: Recipe | str,
    raw: Path,
    trainer: Trainer[Any, Any],
    llm: Access | None = None,
    *,
    wall_left_s: float | None = None,
) -> None:
    """Run a program for a few rows and check their form. Their content is not checked: a program that writes its rows
    in some order may begin with equal answers, and a recipe drops no rows here because of samples: of a few, all may be
    mastered.

    Raises:
        InputError: if it fails or writes faulty rows.
    """
    if isinstance(program, Recipe):
        keeping = program.sample.model_copy(update={"mastered": "keep", "contradicted": "keep"})
        program = program.model_copy(update={"sample": keeping})
    limits = llm.limits(trial=True) if llm and data_program.asks(program) else TRIAL_LIMITS.within(wall_left_s)
    data_program.run(program, raw, trainer, limit=TRIAL_ROWS, limits=limits, llm=llm)
