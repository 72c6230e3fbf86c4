"""The events of a run, as the ledger holds them: one frozen model for each kind.

An event is written as one JSON object: the fields of its model in their order, then ``charge`` if the event is charged
to the budget. The ledger keeps the kind in a column of its own.

Rule of compatibility. Writers are strict: a model takes no field that it does not declare. Readers are not:

- A field that the reader does not know, at any depth, is ignored: a newer build may have added it. A run is not resumed
  if its configuration has such a field.
- A field that older builds did not write has a default here. Every other field must be there.
- An event of an unknown kind is read as :class:`OtherEvent`. Its charge counts, the rest is ignored.
- Anything else is a malformed event, and an :class:`InfrastructureError` that names it.

So a field is only ever added, with a default. To change what a field means, add a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Generic, TypeVar, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    field_serializer,
)

from ftdojo.contract.budget import Spent
from ftdojo.contract.call import Call
from ftdojo.contract.configuration import Configuration
from ftdojo.contract.feedback import EvaluationFeedback, SampledRows
from ftdojo.contract.protocol import Iteration, Probe
from ftdojo.contract.result import (
    UNNUMBERED,
    ClassScore,
    Gap,
    GuardTrivial,
    JudgeAgreement,
    RunResult,
    Score,
    TrivialAnswers,
)
from ftdojo.errors import InfrastructureError
from ftdojo.record.ledger import Event
from ftdojo.schema import RECORDED
from ftdojo.tasks.spec import ItemScore


class LedgerEvent(BaseModel):
    """Base of the events of every ledger."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)

    kind: ClassVar[str]
    charge: Spent | None = None
    """The charge to the budget; ``None`` if there is none."""

    def payload(self) -> dict[str, Any]:
        """Return the JSON object that is written to the ledger."""
        fields = self.model_dump(mode="json", exclude={"charge"})
        return fields if self.charge is None else {**fields, "charge": asdict(self.charge)}


class RunBegun(LedgerEvent):
    """The first event: the run's identity, and the facts about the task that a report needs."""

    kind = "configuration"
    configuration: Configuration
    versions: dict[str, str] = Field(default_factory=dict)
    """Package -> version that began the run."""
    compute: str | None = None
    """Device, precision and attention function of the machine that began the run. Older builds did not record them."""
    metric: str
    higher_is_better: bool
    objective: str
    given: str | None = None
    """The task as it was given: its id, or the absolute path of its folder. Older builds did not record it."""
    best_value: float | None = None
    """The value of a perfect score. Older builds did not record it."""

    guard: dict[str, str] = Field(default_factory=dict)
    """Id of each guard task -> where it is: its id, or the absolute path of its folder. Older builds had none."""

    def metric_range(self, baseline: float) -> float:
        """How far scores of the metric reach, given the base model's score. Older builds had per cent alone in mind."""
        return max(100.0 if self.best_value is None else self.best_value, abs(baseline))

    @property
    def task(self) -> str:
        """Where to look for the task."""
        return self.given or self.configuration.task


class BaselineMeasured(LedgerEvent):
    """The base model was evaluated on validation."""

    kind = "baseline"
    evaluation: EvaluationFeedback
    digests: dict[str, str] = Field(default_factory=dict)
    """Stage -> digest of its inputs. Older builds did not record it."""
    contents: dict[str, str] = Field(default_factory=dict)
    """Stage -> digest of its files. Older builds did not record it."""
    trivial: TrivialAnswers | None = None
    """What answers without any training score on validation. Older builds did not measure it."""
    headroom: SampledRows | None = None
    """How often samples of the base model are right on a few raw rows, in runs whose data programs may ask it. Older
    builds did not record it."""
    judge: JudgeAgreement | None = Field(None, exclude_if=lambda value: value is None)
    """Of a task that a language model judges: how far it agrees with people. Older builds had no such tasks."""
    guard: dict[str, Score] = Field(default_factory=dict)
    """Id of each guard task -> the base model's score. Older builds had none."""
    guard_trivial: dict[str, GuardTrivial] = Field(default_factory=dict)
    """Id of each guard task -> what answers without any training score. Older builds did not measure it."""


class IterationEnded(LedgerEvent):
    """A submission went through the environment."""

    kind = "iteration"
    iteration: Iteration
    overlap: int = 0
    """Training rows that contained an evaluation item. An agent must not see this number."""


class ProbeEnded(LedgerEvent):
    """A submission was tried on a share of its rows."""

    kind = "probe"
    probe: Probe


class SubmissionPrechecked(LedgerEvent):
    """The agent asked what the first gates find in a submission. Asked again for the same files, it is not recorded."""

    kind = "precheck"
    submission: str
    """Digest of its files."""
    codes: list[str]
    """The codes of the findings."""
    overlap: int
    """Rows that contained an evaluation item. An agent must not see this number."""


class LlmCalled(LedgerEvent):
    """A language model was called, by the agent, by a data program, or as the judge of the task."""

    kind = "llm_call"
    call: Call


class RunPaused(LedgerEvent):
    """The agent left without having ended the run."""

    kind = "paused"


class BudgetExtended(LedgerEvent):
    """The owner gave the run larger limits, which hold from now on."""

    kind = "budget_extended"
    budget: dict[str, float | None]
    """All limits, as in :attr:`~ftdojo.contract.configuration.Configuration.budget`."""


class AgentStopped(LedgerEvent):
    """No more submissions are taken."""

    kind = "stopped"
    out_of_budget: bool
    """Whether a limit of the budget was reached; otherwise the agent had nothing to propose."""
    outlook: str = ""
    """What the agent would try next if it had more time, if it says so. Older builds did not ask."""
    by_owner: bool = False
    """Whether the owner of the run asked to finish it. Older builds could not be asked."""

    @property
    def reason(self) -> str:
        """Why no further submission was taken."""
        if self.by_owner:
            return "the owner finished the run"
        return "the budget is used up" if self.out_of_budget else "the agent had nothing further to propose"


class RunDisqualified(LedgerEvent):
    """The best model must not be scored on test."""

    kind = "disqualified"
    reasons: list[str]


class TestOpened(LedgerEvent):
    """The sealed test items are about to be read. A grading that was interrupted opens them again."""

    kind = "test_opened"
    reason: str
    best: int
    """The iteration whose model is tested; 0 is the base model."""


class TestScored(LedgerEvent):
    """The base model and the best one were scored on test."""

    kind = "test_scored"
    baseline: Score
    best: Score
    items: dict[str, list[ItemScore]] = Field(default_factory=dict)
    """``baseline`` and ``best`` -> the verdicts on the test items. Older builds did not record them."""
    models: dict[str, str] = Field(default_factory=dict)
    """``baseline`` and ``best`` -> the identity of the model. Older builds did not record it."""
    outputs: dict[str, str] | None = None
    """``baseline`` and ``best`` -> the digest of the sealed outputs. Older builds did not keep the outputs."""
    trivial: TrivialAnswers | None = None
    """What answers without any training score. Older builds did not measure it."""
    to_trivial: Gap | None = None
    """The difference of ``best`` to the best of them. Older builds did not measure it."""
    trivial_items: dict[str, list[ItemScore]] = Field(default_factory=dict)
    """Key of :attr:`TrivialAnswers.scores` -> the verdicts on the test items. Older builds did not record them."""
    examples: str | None = None
    """The digest of the examples for the owner: see :mod:`ftdojo.episode.examples`. Older builds wrote none."""
    classes: list[ClassScore] = Field(default_factory=list)
    """Of a classification: its classes. Older builds did not count them."""

    @property
    def scores(self) -> dict[str, Score]:
        """The scores of ``baseline`` and ``best``."""
        return {"baseline": self.baseline, "best": self.best}


class RunFinished(LedgerEvent):
    """The last event: the result."""

    kind = "finished"
    result: RunResult

    @field_serializer("result", mode="wrap")
    def _as_before(self, result: RunResult, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The first format has no number in the ledger, so that the event has the bytes of earlier builds."""
        fields: dict[str, Any] = dump(result)
        return {name: value for name, value in fields.items() if (name, value) != ("format", UNNUMBERED)}


class LedgerMigrated(LedgerEvent):
    """The file was brought to a newer version. Events before this one were not linked when they were written."""

    kind = "migrated"
    old: int = Field(alias="from")
    new: int = Field(alias="to")


RunEvent = (
    RunBegun
    | BaselineMeasured
    | IterationEnded
    | ProbeEnded
    | SubmissionPrechecked
    | LlmCalled
    | RunPaused
    | BudgetExtended
    | AgentStopped
    | RunDisqualified
    | TestOpened
    | TestScored
    | RunFinished
    | LedgerMigrated
)
"""All events that a run writes, distinguished by their kind."""

RUN_EVENTS: Mapping[str, type[RunEvent]] = {model.kind: model for model in get_args(RunEvent)}
"""Kind -> model."""


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """An event of a kind that this build does not know."""

    kind: str
    charge: Spent | None


E = TypeVar("E", bound=LedgerEvent)


@dataclass(frozen=True, slots=True)
class Recorded(Generic[E]):
    """An event with its place in the ledger."""

    seq: int
    """Counted from 1."""
    time: str
    """UTC, ISO 8601."""
    link: str
    """See :attr:`ftdojo.record.ledger.Event.link`."""
    event: E | OtherEvent

    @property
    def kind(self) -> str:
        """The kind of the event."""
        return self.event.kind

    @property
    def charge(self) -> Spent:
        """The charge to the budget."""
        return self.event.charge or Spent()


_CHARGE = TypeAdapter(Spent | None)


def parse(row: Event, kinds: Mapping[str, type[E]]) -> Recorded[E]:
    """Parse a row of a ledger as the model of its kind.

    Raises:
        InfrastructureError: if the row is malformed.
    """
    event: E | OtherEvent
    try:
        if model := kinds.get(row.kind):
            event = model.model_validate(row.payload, extra="ignore", context=RECORDED)
        else:
            event = OtherEvent(row.kind, _CHARGE.validate_python(row.payload.get("charge"), extra="ignore"))
    except ValidationError as error:
        raise malformed(row.seq, row.kind, _first(error)) from None
    return Recorded(row.seq, row.time, row.link, event)


def malformed(seq: int, kind: str, problem: str) -> InfrastructureError:
    """Return the error for an event that is not in the form that this build writes."""
    return InfrastructureError(
        f"event {seq} of the ledger ({kind}) does not have the form that this ftdojo writes: {problem}",
        fix="open the run with the ftdojo that wrote it, or with a newer one; `ftdojo verify` says whether it was "
        "changed",
    )


def _first(error: ValidationError) -> str:
    """Describe the first fault, without the value, which may be long."""
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, fault["loc"]))
    return f"{place}: {fault['msg']}" if place else fault["msg"]
