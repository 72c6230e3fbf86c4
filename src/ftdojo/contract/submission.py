"""A submission is a folder of three things: a data program, a training configuration, and the plan it follows.

With ``method: program`` the training configuration has a further file: ``train.py``, the training program.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field

from ftdojo import digest
from ftdojo.contract.method_config import MethodConfig
from ftdojo.contract.methods import parse_config
from ftdojo.contract.recipe import Recipe
from ftdojo.contract.script import MAX_SCRIPT_BYTES, SCRIPT, TRAIN_SCRIPT, read_script
from ftdojo.errors import InputError
from ftdojo.files import write_file
from ftdojo.findings import Finding
from ftdojo.schema import MAX_BYTES, NotRegularError, StrictModel, parse, read_file, read_regular

PLAN, TRAIN, RECIPE = "plan.yaml", "train.yaml", "recipe.yaml"
FILES = (PLAN, TRAIN, RECIPE, SCRIPT, TRAIN_SCRIPT)
RECIPE_DIGEST = "but_seed"
"""Key of :attr:`ftdojo.contract.protocol.Iteration.digests` with :attr:`Submission.but_seed`."""

Part = TypeVar("Part", bound=StrictModel)


class PlannedChange(StrictModel):
    """One change against the parent, with its reason and its expected effect."""

    key: str = Field(description="what changes, e.g. train.epochs or recipe.sources.ring_count.weight")
    before: str = Field(description="the value in the parent, as text")
    after: str = Field(description="the value in this submission, as text")
    because: str = Field(description="the reason for the change")
    expected: str = Field(description="the expected effect, in words")
    size: float | None = Field(None, description="by how much the core metric is expected to change, in its unit")


class Plan(StrictModel):
    """plan.yaml: why this submission is tried."""

    parent: int = Field(ge=0, description="the iteration that this one starts from; 0 is the base model")
    hypothesis: str = Field(description="what is assumed to limit the model, and what is tried against it")
    evidence: list[str] = Field(description="the feedback that supports the hypothesis")
    focus: Literal["data", "training", "both"] = Field(description="which part of the parent is changed")
    changes: list[PlannedChange] = Field(description="every change against the parent")
    by: str = Field("", description="the planner, and the reason if a fallback planned it")
    risks: str = Field("", description="what could go wrong")
    refuted_if: str = Field("", description="the result that would refute the hypothesis")
    outlook: list[str] = Field(default_factory=list, description="what is planned for the next iterations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A submission without faults in its files."""

    folder: Path
    plan: Plan
    train: MethodConfig
    program: Recipe | str
    """A recipe, or the text of ``process_data.py``."""
    digest: str

    @property
    def but_seed(self) -> str:
        """The digest of everything but the plan and the seed of the training. Submissions that agree in it repeat each
        other."""
        program = self.program if isinstance(self.program, str) else self.program.key
        return digest.of_value([program, self.train.model_dump(mode="json", exclude={"seed"})])

    @property
    def but_size(self) -> str:
        """The digest of what decides how its rows look and how a batch of them is trained, but not which rows, in which
        order, how often and at which learning rate."""
        program = self.program if isinstance(self.program, str) else self.program.but_size
        return digest.of_value([program, self.train.but_size])


def copy(source: Path, folder: Path) -> None:
    """Copy a submission's files, and no other files of its folder, into the new ``folder``.

    A link stays a link; anything that is neither file nor link becomes a folder, and a file that is too large is cut
    just beyond its limit, so that :func:`load` finds the same faults in the copy.
    """
    folder.mkdir(parents=True)
    for name in FILES:
        path = source / name
        if path.is_symlink():
            (folder / name).symlink_to(path.readlink())
        elif path.exists():
            try:
                write_file(folder / name, read_regular(path, max(MAX_BYTES, MAX_SCRIPT_BYTES) + 1))
            except NotRegularError:
                (folder / name).mkdir()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The content of a submission folder, including its faults."""

    plan: Plan | None
    """``None`` if ``plan.yaml`` cannot be read."""
    submission: Submission | None
    """``None`` if any file is missing or faulty."""
    findings: list[Finding]

    def require(self) -> Submission:
        """Return the submission.

        Raises:
            InputError: with all findings, if there are any (gate 0).
        """
        if self.submission is None:
            raise InputError(self.findings)
        return self.submission


def read(folder: Path) -> Reading:
    """Read a submission folder; the faults of all its files are collected."""
    findings: list[Finding] = []

    def attempt(name: str, convert: Callable[[Any], Part]) -> Part | None:
        try:
            return convert(read_file(folder / name, links=False))
        except InputError as error:
            findings.extend(error.findings)
            return None

    plan = attempt(PLAN, lambda data: parse(data, Plan, where=PLAN))
    train = attempt(TRAIN, lambda data: parse_config(data, where=TRAIN, script=folder / TRAIN_SCRIPT))
    if train is not None and train.script is None and os.path.lexists(folder / TRAIN_SCRIPT):
        message = f"has no effect with method {train.method}"
        fix = f"remove it, or set method to program in {TRAIN}"
        findings.append(Finding(code="unused_file", gate=0, message=message, where=TRAIN_SCRIPT, fix=fix))
    program: Recipe | str | None = None
    has_recipe, has_script = (os.path.lexists(folder / name) for name in (RECIPE, SCRIPT))
    if has_recipe == has_script:
        findings.append(
            Finding(
                code="two_programs" if has_recipe else "missing_file",
                gate=0,
                message=f"needs either {RECIPE} or {SCRIPT}, found {'both' if has_recipe else 'neither'}",
                where=RECIPE,
                fix="keep one of them" if has_recipe else f"write {RECIPE} or {SCRIPT} into the submission folder",
            )
        )
    elif has_recipe:
        program = attempt(RECIPE, lambda data: parse(data, Recipe, where=RECIPE))
    else:
        try:
            program = read_script(folder / SCRIPT)
        except InputError as error:
            findings.extend(error.findings)
    if findings or plan is None or train is None or program is None:
        return Reading(plan=plan, submission=None, findings=findings)
    submission = Submission(folder=folder, plan=plan, train=train, program=program, digest=digest.of_folder(folder))
    return Reading(plan=plan, submission=submission, findings=[])


def load(folder: Path) -> Submission:
    """Read a submission folder that must be without faults.

    Raises:
        InputError: if any file is missing or faulty; all faults of all its files together (gate 0).
    """
    return read(folder).require()
