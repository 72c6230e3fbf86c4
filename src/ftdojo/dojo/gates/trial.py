"""Gate 2, first part: a small real run of the data program."""

from __future__ import annotations

from pathlib import Path

from ftdojo import sandbox
from ftdojo.dojo import data_program
from ftdojo.dojo.recipe import Recipe

TRIAL_ROWS = 32
TRIAL_LIMITS = sandbox.Limits(wall_s=120)


def data_trial(program: Recipe | str, raw: Path) -> None:
    """Run a program for a few rows and check their form. What so few rows teach says nothing yet: a program that
    writes its rows in some order may begin with equal answers.

    Raises:
        InputError: if it fails or writes faulty rows.
    """
    rows = data_program.run(program, raw, limit=TRIAL_ROWS, limits=TRIAL_LIMITS)
    data_program.check_form(rows, max_rows=TRIAL_ROWS)
