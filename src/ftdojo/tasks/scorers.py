"""The scorers that a task file can name: built-in ones, and plug-ins of the kind ``scorer``.

A plug-in scorer is code of the user's own environment and is trusted like an installed package. A scorer that comes
with the task folder is not: it is a ``scorer.py`` and runs in the sandbox (:mod:`ftdojo.tasks.external`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from ftdojo.contract.task_spec import Record
from ftdojo.errors import UsageError
from ftdojo.plugins import Kind
from ftdojo.tasks import answers, text_scorers
from ftdojo.tasks.classes import ClassScorer
from ftdojo.tasks.judged import METRIC
from ftdojo.tasks.spec import Scorer


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Errors of numbers, in the unit of the gold answer."""

    tolerance: float = 0.0
    """The error up to which an answer is right."""
    worst: float = 0.0
    """The largest error of an item, for the metric ``mae``."""


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
    errors: Errors = field(default_factory=Errors)
    """In the unit of the gold answer, for the scorer ``number``."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Field -> how much it counts, for the scorer ``json``."""
    golds: Callable[[Record], Sequence[str]] | None = None
    """Returns all right answers of an item, at least one; ``None`` if each has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What values of a core metric mean."""

    higher_is_better: bool = True
    best_value: float = 100.0
    pooled: bool = False
    """Whether the metric is computed over all items together, and is no mean of item scores."""


class ScorerPlugin(Protocol):
    """A scorer plug-in, which makes the scorer of one task.

    That scorer is a pure function of items and outputs: the same ones give the same scores on every machine, and an
    output that cannot be scored is wrong, not an exception. The core metric is in per cent, and higher is better,
    unless the plug-in has an attribute ``scales`` with the :class:`Scale` of a metric. ``ftdojo task check`` tests a
    scorer on the task's own items.
    """

    metrics: tuple[str, ...]
    """The possible core metrics of the scorer."""
    version: str
    """Part of the task's identity: change it when the same output may get another score."""

    def create(self, setup: ScorerSetup) -> Scorer:
        """Make the scorer of one task. :class:`ftdojo.tasks.answers.AnswerScorer` makes one from a function that judges
        one output."""


def scale_of(plugin: ScorerPlugin, metric: str) -> Scale:
    """Return the scale of a core metric of a plug-in."""
    scales: Mapping[str, Scale] = getattr(plugin, "scales", {})
    return scales.get(metric, Scale())


def takes_several(plugin: ScorerPlugin) -> bool:
    """Return whether a list in the answer field of a row is several right answers, not one that is a list."""
    return bool(getattr(plugin, "several", False))


@dataclass(frozen=True, slots=True)
class Judging:
    """A scorer that judges every output on its own. Implements :class:`ScorerPlugin`."""

    judge: Callable[[ScorerSetup], answers.Judge]
    metrics: tuple[str, ...] = ("accuracy",)
    version: str = "1"
    scorer: Callable[..., answers.AnswerScorer] = answers.AnswerScorer
    several: bool = True
    """Whether a list in the answer field is several right answers."""
    scales: Mapping[str, Scale] = field(default_factory=dict)

    def create(self, setup: ScorerSetup) -> Scorer:
        """See :class:`ScorerPlugin`."""
        every = setup.golds if self.several else None
        return self.scorer(self.judge(setup), setup.gold, setup.subtask, every)


@dataclass(frozen=True, slots=True)
class ByMetric:
    """A scorer whose class depends on the metric, or takes it. Implements :class:`ScorerPlugin`."""

    make: Callable[[ScorerSetup], Scorer]
    metrics: tuple[str, ...]
    version: str = "1"
    several: bool = True
    scales: Mapping[str, Scale] = field(default_factory=dict)

    def create(self, setup: ScorerSetup) -> Scorer:
        """See :class:`ScorerPlugin`."""
        return self.make(setup)


def _number(setup: ScorerSetup) -> Scorer:
    if setup.metric == "mae":
        judge = partial(answers.distance, worst=setup.errors.worst)
        return answers.ErrorScorer(judge, setup.gold, setup.subtask, setup.golds)
    judge = partial(answers.number, tolerance=setup.tolerance, absolute=setup.errors.tolerance)
    return answers.AnswerScorer(judge, setup.gold, setup.subtask, setup.golds)


def _choice(setup: ScorerSetup) -> Scorer:
    judge = partial(answers.choice, choices=setup.choices)
    return ClassScorer(judge, setup.gold, setup.subtask, setup.golds, choices=tuple(setup.choices), metric=setup.metric)


def _translation(setup: ScorerSetup) -> Scorer:
    return text_scorers.TranslationScorer(
        text_scorers.translation, setup.gold, setup.subtask, setup.golds, metric=setup.metric
    )


def _labels(setup: ScorerSetup) -> Scorer:
    judge = partial(text_scorers.labels, choices=setup.choices, metric=setup.metric)
    return text_scorers.LabelScorer(judge, setup.gold, setup.subtask, None, metric=setup.metric)


POOLED = Scale(pooled=True)

EXACT = Judging(lambda setup: answers.exact)
JSON = Judging(
    lambda setup: partial(answers.json_fields, metric=setup.metric, weights=setup.weights),
    ("accuracy", "field_accuracy"),
)
# Version 2: a gold answer is wholly one number; a decimal comma and digits in words are read right.
# Version 3: words that multiply, powers of ten, blanks between thousands; long numbers are compared exactly.
NUMBER = ByMetric(
    _number,
    ("accuracy", "mae"),
    "3",
    scales={"mae": Scale(higher_is_better=False, best_value=0.0, pooled=True)},
)
# Version 2: scripts without blanks; single letters only where an answer stands; F1 by class.
CHOICE = ByMetric(_choice, ("accuracy", "macro_f1"), "2", scales={"macro_f1": POOLED})
TOKENS = Judging(lambda setup: text_scorers.tokens, ("token_f1",))
ROUGE = Judging(lambda setup: partial(text_scorers.rouge, metric=setup.metric), ("rouge_l", "rouge_1", "rouge_2"))
TRANSLATION = ByMetric(_translation, ("bleu", "chrf"), scales={"bleu": POOLED})
LABELS = ByMetric(_labels, ("micro_f1", "item_f1", "exact_match"), several=False, scales={"micro_f1": POOLED})
# What checks take that ask no language model.
JUDGE = Judging(lambda setup: answers.exact, (METRIC,))

BUILT_IN = ("exact", "json", "number", "choice", "tokens", "rouge", "translation", "labels", "judge")

SCORERS: Kind[ScorerPlugin] = Kind(
    noun="scorer",
    group="ftdojo.scorers",
    members=("metrics", "version", "create"),
    built_in={name: f"ftdojo.tasks.scorers:{name.upper()}" for name in BUILT_IN},
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
