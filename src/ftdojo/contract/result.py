"""The machine-readable result of a run: ``result.json``.

Rule of compatibility, for ``result.json`` and ``leaderboard.json``. Each has a number, ``format``:

- A file without the number has format 1: files were written without one before the number existed.
- A new field with a default keeps the number. Readers ignore fields that they do not know; writers reject them.
- Every other change (a field that is removed, renamed, or has another meaning) raises the number.
- A reader reads its own format and all lower ones. It refuses a higher one: upgrade ftdojo.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ftdojo.errors import InputError, UsageError
from ftdojo.findings import Finding
from ftdojo.plain import remove_controls
from ftdojo.stats import Estimate, Retention

RunOutcome = Literal["scored", "invalid", "no_submission", "out_of_budget", "disqualified"]
"""A closed set. ``scored``: at least one submission was evaluated; the best model, which may be the base, was tested.
``no_submission``: the agent submitted nothing. ``invalid``: no submission passed the gates. ``out_of_budget``: the
budget ended before one was evaluated. ``disqualified``: the model to be tested is not the one that the
environment trained, or the rules were broken; nothing is scored on test then. A zero is always a measured zero."""


UNNUMBERED = 1
"""The format of files without a number."""


class Result(BaseModel):
    """Base of the result's parts: frozen, closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _is_none(value: object) -> bool:
    return value is None


class Corrected(Result):
    """A score, corrected for the errors of the judge that has given it."""

    value: float
    interval: tuple[float, float]
    """95 %. It counts the items and the outputs on which the judge was calibrated."""


class Score(Result):
    """A value of the core metric with its 95 % interval over ``n`` items."""

    metric: str
    value: float
    interval: tuple[float, float]
    n: int
    corrected: Corrected | None = Field(None, exclude_if=_is_none)
    """Of a task that a language model judges: what follows from its verdicts and its errors."""

    @classmethod
    def of(cls, metric: str, estimate: Estimate, corrected: Estimate | None = None) -> Score:
        """A score from an estimate in the metric's unit, and from one that is corrected for a judge's errors."""
        return cls(
            metric=metric,
            value=estimate.value,
            interval=(estimate.low, estimate.high),
            n=estimate.n,
            corrected=corrected and Corrected(value=corrected.value, interval=(corrected.low, corrected.high)),
        )

    def __str__(self) -> str:
        shown = f"{self.metric} {self.value:.1f} [{self.interval[0]:.1f}, {self.interval[1]:.1f}], n = {self.n}"
        if self.corrected is None:
            return shown
        low, high = self.corrected.interval
        return f"{shown}, corrected {self.corrected.value:.1f} [{low:.1f}, {high:.1f}]"


class JudgeAgreement(Result):
    """How the judge of a run decided on outputs that people had judged."""

    model: str
    right: int
    """Outputs that people call right."""
    accepted: int
    """Those of them that the judge accepts."""
    wrong: int
    """Outputs that people call wrong."""
    rejected: int
    """Those of them that the judge rejects."""


class ClassScore(Result):
    """The test items of a classification with one right answer."""

    answer: str
    items: int
    right: dict[str, int]
    """``baseline``, ``best`` and the keys of :attr:`TrivialAnswers.scores` -> how many items they answered rightly."""


class ScorePair(Result):
    """A model's scores; ``None`` where it was not scored on that split."""

    validation: Score | None
    test: Score | None


class Best(ScorePair):
    """The best accepted model; iteration 0 is the untouched base."""

    iteration: int


class Change(Result):
    """One change against the parent, and its expected effect."""

    key: str
    before: str
    after: str
    expected: str


class StageSeconds(Result):
    """Seconds per stage of one iteration, as charged to the budget."""

    plan: float = 0.0
    data: float = 0.0
    train: float = 0.0
    evaluate: float = 0.0

    @property
    def total(self) -> float:
        """Seconds of the whole iteration."""
        return self.plan + self.data + self.train + self.evaluate


class RecipeDifference(Result):
    """The difference of two recipes: what it would be with other seeds and other items, in the metric's unit."""

    value: float
    interval: tuple[float, float]
    """95 %, over items and seeds. If all of it is on the better side of zero, the recipe is better, not this model
    alone."""
    runs: int
    """Runs of the recipe that were averaged."""
    reference_runs: int
    """Runs of the recipe that it is compared with; 0 for the base model."""


class GuardScore(Result):
    """What a model scores on a task that it must not forget, next to the base model on the same items."""

    task: str
    base: Score
    model: Score
    difference: float
    """To the base model, in points: the range of the metric is 100 points, and less than 0 is a loss."""
    interval: tuple[float, float]
    """95 %, of the paired difference over items."""
    margin: float
    """How many points it may lose."""
    verdict: Retention

    @property
    def passed(self) -> bool:
        """Whether the model may be accepted."""
        return self.verdict != "lost"

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.task} {self.difference:+.1f} points, 95 % interval [{low:+.1f}, {high:+.1f}], "
            f"margin {self.margin:g}: {self.verdict}"
        )


class IterationResult(Result):
    """What one iteration tried, and its outcome."""

    number: int
    hypothesis: str
    changes: list[Change]
    accepted: bool
    start: int | None = None
    """The iteration from whose weights its training started; ``None`` for the base model."""
    validation: Score | None
    findings: list[Finding]
    seconds: StageSeconds
    repeats: int | None = None
    """The first iteration with the same submission but for the seed of the training; ``None`` if there is none."""
    recipe: RecipeDifference | None = None
    """The difference to the best iteration before, as a statement about recipes; ``None`` where there is none, and in
    runs of older builds. ``accepted`` is about the model in hand."""
    guard: list[GuardScore] = Field(default_factory=list)
    """What its model keeps of the guard tasks; empty if it was not better on validation, or the run has none."""

    @property
    def forgotten(self) -> bool:
        """Whether it was rejected because of a guard task."""
        return any(not score.passed for score in self.guard)


class LlmUsage(Result):
    """Tokens and cost of LLM calls."""

    input_tokens: int
    output_tokens: int
    cost_usd: float


class BudgetUsed(Result):
    """What the run spent."""

    wall_s: float
    device_s: float
    submissions: int
    llm: LlmUsage


TRIVIAL_NAMES = {"constant": "constant", "majority": "constant by sub-task", "few_shot": "few-shot"}
"""Key of :attr:`TrivialAnswers.scores` -> its short name."""


class TrivialAnswers(Result):
    """Scores of answers that need no training, on one set of items."""

    constant: Score
    """Score of the one output that scores best when it is given to every item."""
    constant_output: str
    majority: Score
    """Score of the best output for each sub-task, given to every item of it."""
    subtasks: dict[str, float]
    """The core metric of :attr:`majority` by sub-task: what guessing scores."""
    majority_outputs: dict[str, str]
    """On test for the owner of the run only: these outputs reveal something about the right answers."""
    few_shot: Score | None
    """Of the untouched base model that is shown examples; ``None`` if not even one fits into its context."""
    shots: int
    """How many examples it is shown. On validation it is asked some of the items only: its score says how many."""

    def best(self, *, higher_is_better: bool) -> Score:
        """The best of them."""
        return self.scores[self.best_name(higher_is_better=higher_is_better)]

    def best_name(self, *, higher_is_better: bool) -> str:
        """The key of the best of :attr:`scores`; of equal ones the first."""
        scores = self.scores
        return (max if higher_is_better else min)(scores, key=lambda name: scores[name].value)

    @property
    def scores(self) -> dict[str, Score]:
        """``constant``, ``majority`` and, if it was measured, ``few_shot``."""
        found = {"constant": self.constant, "majority": self.majority, "few_shot": self.few_shot}
        return {name: score for name, score in found.items() if score is not None}

    @property
    def distinct(self) -> dict[str, Score]:
        """The scores without :attr:`majority` if there are no sub-tasks: it is the constant then."""
        return {name: score for name, score in self.scores.items() if name != "majority" or self.subtasks}


class Gap(Result):
    """The difference of two models on the same items, in the metric's unit, with its 95 % interval."""

    to: str
    """What the model is compared with: a key of :attr:`TrivialAnswers.scores`."""
    value: float
    interval: tuple[float, float]
    better: bool
    """Whether the whole interval is on the better side of zero."""


class GuardTrivial(Result):
    """What answers without any training score on the items of a guard task that are asked."""

    answers: TrivialAnswers
    """Chosen like those on validation, without gold answers."""
    to_constant: Gap
    """The base model's difference to the best constant, for all items or by sub-task."""

    def warning(self, task: str) -> str:
        """Return why the verdicts on the task cannot show that it was forgotten; empty if they can."""
        if self.to_constant.better:
            return ""
        constant = "the best constant of each sub-task"
        if self.to_constant.to == "constant" or not self.answers.subtasks:
            output = " ".join(remove_controls(self.answers.constant_output[:100]).split())
            constant = f"always answering {output[:24] or 'nothing'}"
        return (
            f"guard task {task}: the base model is not shown to be better than {constant}, "
            "so a model that has forgotten the task may pass"
        )


class Document(Result):
    """Base of the files with a format number: see the rule above."""

    newest: ClassVar[int] = 1
    """The highest format that this build reads."""
    format: int = Field(UNNUMBERED, ge=UNNUMBERED)
    """The number of the format."""

    @field_validator("format")
    @classmethod
    def _known(cls, number: int) -> int:
        if number > cls.newest:
            raise ValueError(f"format {number} is newer than {cls.newest}, the newest that this ftdojo reads")
        return number

    @classmethod
    def read(cls, text: str | bytes, where: str) -> Self:
        """Read a file of this kind, made by this build, an older one, or a newer one of the same format.

        Args:
            text: the content of the file.
            where: what to call the file in an error.

        Raises:
            UsageError: if its format is higher than that of this build.
            InputError: if it is not such a file.
        """
        try:
            return cls.model_validate_json(text, extra="ignore")
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False)
        for fault in faults:
            if fault["loc"] == ("format",) and fault["type"] == "value_error":
                raise UsageError(f"{where} was made by a newer ftdojo: {fault['ctx']['error']}", fix="upgrade ftdojo")
        raise InputError([_finding(".".join(map(str, fault["loc"])), fault["msg"], where) for fault in faults])


def _finding(key: str, problem: str, where: str) -> Finding:
    place = f"{where}: {key}" if key else where
    fix = "restore the file from a copy, or have ftdojo write it again"
    return Finding(code="unreadable", gate=0, message=problem, where=place, fix=fix)


class RunResult(Document):
    """The whole result."""

    run: str
    task: str
    variant: str
    model: str
    agent: str
    planner: str
    seed: int
    outcome: RunOutcome
    reasons: list[str] = Field(default_factory=list)
    """Why it was disqualified."""
    baseline: ScorePair
    best: Best
    iterations: list[IterationResult]
    budget: BudgetUsed
    versions: dict[str, str]
    digests: dict[str, str]
    """Digests of the data, the base model and the task."""
    trivial: TrivialAnswers | None = None
    """What answers without any training score on test; ``None`` if test was not scored, or in runs of older builds."""
    trivial_validation: TrivialAnswers | None = None
    """What such answers score on validation, chosen without gold answers; ``None`` in runs of older builds."""
    to_trivial: Gap | None = None
    """The best model's difference to the best trivial answer, on the test items."""
    guard: list[GuardScore] = Field(default_factory=list)
    """What the best model keeps of the guard tasks; empty if it is the base model, or the run has none."""
    guard_trivial: dict[str, GuardTrivial] = Field(default_factory=dict)
    """Id of each guard task -> what answers without any training score; empty in runs of older builds."""
    judge: JudgeAgreement | None = Field(None, exclude_if=_is_none)
    """Of a task that a language model judges: how far it agrees with people."""
    ledger: str = ""
    """The last link of the record before this result. A copy kept elsewhere reveals later changes of the record."""
