"""The scorers that a task file can name: built-in ones, and plug-ins of the kind ``scorer``.

A plug-in scorer is code of the user's own environment and is trusted like an installed package. A scorer that comes
with the task folder is not: it is a ``scorer.py`` and runs in the sandbox (:mod:`ftdojo.tasks.external`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from ftdojo.contract.task_spec import Record
from ftdojo.errors import UsageError
from ftdojo.plugins import Kind
from ftdojo.tasks import answers
from ftdojo.tasks.spec import Scorer


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerSetup:
    """The parts of a task file from which a scorer is made."""

    metric: str
    """The core metric: one of the scorer's ``metrics``."""
    gold: Callable[[Record], str]
    """Returns the gold text of an item."""
    subtask: Callable[[Record], str]
    """Returns the sub-task of an item; empty if the task has none."""
    choices: tuple[str, ...] = ()
    """All answers, for the scorer ``choice``."""
    tolerance: float = 0.0
    """Relative, for the scorer ``number``."""


class ScorerPlugin(Protocol):
    """A scorer plug-in, which makes the scorer of one task.

    That scorer is a pure function of items and outputs: the same ones give the same scores on every machine, and an
    output that cannot be scored is wrong, not an exception. The core metric is in per cent, and higher is better.
    ``ftdojo task check`` tests a scorer on the task's own items.
    """

    metrics: tuple[str, ...]
    """The possible core metrics of the scorer."""
    version: str
    """Part of the task's identity: change it when the same output may get another score."""

    def create(self, setup: ScorerSetup) -> Scorer:
        """Make the scorer of one task. :class:`ftdojo.tasks.answers.AnswerScorer` makes one from a function that judges
        one output."""


@dataclass(frozen=True, slots=True)
class Judging:
    """A scorer that judges every output on its own. Implements :class:`ScorerPlugin`."""

    judge: Callable[[ScorerSetup], answers.Judge]
    metrics: tuple[str, ...] = ("accuracy",)
    version: str = "1"

    def create(self, setup: ScorerSetup) -> Scorer:
        """See :class:`ScorerPlugin`."""
        return answers.AnswerScorer(self.judge(setup), setup.gold, setup.subtask)


EXACT = Judging(lambda setup: answers.exact)
JSON = Judging(lambda setup: partial(answers.json_fields, metric=setup.metric), ("accuracy", "field_accuracy"))
NUMBER = Judging(lambda setup: partial(answers.number, tolerance=setup.tolerance))
CHOICE = Judging(lambda setup: partial(answers.choice, choices=setup.choices))

SCORERS: Kind[ScorerPlugin] = Kind(
    noun="scorer",
    group="ftdojo.scorers",
    members=("metrics", "version", "create"),
    built_in={name: f"ftdojo.tasks.scorers:{name.upper()}" for name in ("exact", "json", "number", "choice")},
)


def find_scorer(name: str, folder: Path) -> ScorerPlugin:
    """Find the scorer that a task file in ``folder`` names.

    Raises:
        UsageError: if there is none, or if its code is in the task folder, where code is not trusted.
    """
    module = name.partition(":")[0].partition(".")[0] if ":" in name else ""
    spec = find_spec(module) if module.isidentifier() else None
    places = [*(spec.submodule_search_locations or ()), spec.origin or ""] if spec else []
    if any(Path(place).resolve().is_relative_to(folder.resolve()) for place in places):
        raise UsageError(
            f"the scorer '{name}' is code in the task folder, which is not imported",
            fix="write it as scorer.py, which runs in the sandbox, and set scorer = 'scorer.py'",
        )
    return SCORERS.load(name)
