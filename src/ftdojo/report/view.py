"""What the report shows, derived from the record of a run: chosen, counted, compared and put into words here.

Text that data, models or agents wrote is passed on as it is; :mod:`ftdojo.report.html` cleans every string that it puts
into the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, TypeVar

from ftdojo.budget import Spent
from ftdojo.dojo.configuration import Configuration
from ftdojo.dojo.episode import SUBMISSIONS
from ftdojo.dojo.feedback import DataFeedback, Distribution, ErrorSample, EvaluationFeedback, Feedback, TrainingFeedback
from ftdojo.dojo.history import History
from ftdojo.dojo.protocol import Iteration
from ftdojo.dojo.submission import RECIPE, SCRIPT, TRAIN, Plan, PlannedChange
from ftdojo.errors import UsageError
from ftdojo.findings import Finding
from ftdojo.llm import Call
from ftdojo.record import Ledger
from ftdojo.record.result import Score
from ftdojo.report import text

DETAILS = 50
"""The best iteration and the last so many are told in full."""
COLUMNS = 10
"""The table of sub-tasks has the base model, the best iteration and the last so many."""
LIST = 24
"""Of a list that an agent or a data set can make as long as it likes, so many entries are shown."""
FILE_BYTES = 16_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Some(Generic[T]):
    """The first entries of a list, and how many are not shown."""

    shown: Sequence[T]
    hidden: int

    @classmethod
    def of(cls, entries: Iterable[T], limit: int = LIST) -> Some[T]:
        """At most ``limit`` of ``entries``."""
        every = list(entries)
        return cls(every[:limit], max(0, len(every) - limit))


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and what it is."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Card:
    """A figure to be seen first."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One iteration in the table."""

    number: int
    hypothesis: str
    changes: Some[PlannedChange]
    score: str
    difference: str
    status: str
    reason: str
    duration: str
    detailed: bool
    """Whether it is also told in full."""


@dataclass(frozen=True, slots=True)
class Subtasks:
    """The core metric by sub-task and model."""

    models: list[str]
    best: int
    """Which of ``models`` is the best one."""
    rows: Some[tuple[str, list[str]]]
    """A sub-task and its value for every model."""
    total: list[str]
    """The core metric over all sub-tasks."""
    hidden: int
    """Evaluated iterations that have no column."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """The beginning of one submitted file."""

    name: str
    content: str
    note: str


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call of the planner to a language model."""

    purpose: str
    used: str
    reply: str
    """The beginning of the reply, or why there was none."""
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One iteration told in full."""

    row: Row
    best: bool
    iteration: Iteration
    outcome: str
    """What happened, to stand beside what was expected."""
    intent: list[Fact]
    """What the plan says beside its hypothesis: who made it, its risk, what would refute it, what comes next."""
    evidence: Some[str]
    calls: Some[CallRow]
    data_calls: list[Fact]
    """The data program's calls to language models, by model: too many to be told one by one."""
    changes: Some[PlannedChange]
    findings: Some[Finding]
    execution: list[Fact]
    data: list[Fact]
    mixture: Some[Fact]
    training: list[Fact]
    evaluation: list[Fact]
    errors: Some[Fact]
    metrics: Some[Fact]
    files: list[SourceFile]
    samples: Some[ErrorSample]


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the budget."""

    name: str
    spent: str
    limit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything on the page, top to bottom."""

    title: str
    objective: str
    identity: list[Fact]
    verdict: str
    ending: str
    """Why no further submission was tried."""
    cards: list[Card]
    metric: str
    baseline: Score | None
    iterations: list[Iteration]
    best: int
    """Number of the best iteration; 0 is the base model."""
    rows: list[Row]
    subtasks: Subtasks | None
    details: Some[Detail]
    test: str
    """How test was opened."""
    budget: list[Account]
    digests: list[Fact]
    versions: list[Fact]


def read(run: Path) -> Report:
    """The view of a run that is finished, at work, or was interrupted.

    Raises:
        UsageError: if the folder holds no run, or nothing was recorded in it.
    """
    with Ledger(run, writable=False) as ledger:
        history = History(ledger)
        configuration, about = history.configuration, history.payload("configuration")
        if configuration is None or about is None:
            raise UsageError(
                f"nothing is recorded in {run}: its run ended before it began", fix="run the same command again"
            )
        baseline, iterations, spent = history.baseline, history.iterations, history.spent
        calls, data_calls, reasons = history.calls, history.data_calls, history.reasons
        finished = history.payload("finished")
        opened = [event.time for event in ledger.events("test_opened")]
        scored, stopped = history.payload("test_scored"), history.payload("stopped")
        begun, ended = ledger.events("configuration")[0].time, ledger.events()[-1].time
    test = (Score.model_validate(scored["baseline"]), Score.model_validate(scored["best"])) if scored else None
    best = max((i.number for i in iterations if i.accepted), default=0)
    validation = _validation(baseline, iterations, best)
    shown = {best, *(i.number for i in iterations[-DETAILS:])}
    metric = about["metric"]
    rows = [_row(i, metric, detailed=i.number in shown) for i in iterations]
    details = [
        _detail(run, rows[i.number - 1], i, calls[i.number - 1], data_calls[i.number - 1], best)
        for i in iterations
        if i.number in shown
    ]
    return Report(
        title=configuration.task,
        objective=about["objective"],
        identity=_identity(configuration, finished["result"]["outcome"] if finished else "unfinished", begun, ended),
        ending=_ending(stopped),
        verdict=_disqualified(reasons)
        if reasons
        else _verdict(validation, test, iterations, best, higher_is_better=about["higher_is_better"]),
        cards=_cards(validation, test, iterations, spent),
        metric=metric,
        baseline=baseline.score if baseline else None,
        iterations=iterations,
        best=best,
        rows=rows,
        subtasks=_subtasks(baseline, iterations, best) if baseline else None,
        details=Some(details, len(iterations) - len(details)),
        test=_test(opened, test),
        budget=_budget(spent, configuration),
        digests=[Fact(name, value) for name, value in configuration.digests.items()],
        versions=[Fact(name, value) for name, value in about["versions"].items()],
    )


def _validation(
    baseline: EvaluationFeedback | None, iterations: Sequence[Iteration], best: int
) -> tuple[Score, Score] | None:
    """The base model and the best one on validation."""
    if baseline is None:
        return None
    score = iterations[best - 1].score if best else None
    return baseline.score, score or baseline.score


def _identity(configuration: Configuration, outcome: str, begun: str, ended: str) -> list[Fact]:
    return [
        Fact("model", configuration.model),
        Fact("agent", configuration.agent or "none named"),
        Fact("planner", configuration.planner or "none"),
        *(Fact(f"data model {pool}", model) for pool, model in configuration.data_llm.items()),
        Fact("data", configuration.variant),
        Fact("seed", str(configuration.seed)),
        Fact("outcome", outcome.replace("_", " ")),
        Fact("begun", text.time(begun)),
        Fact("last event", text.time(ended)),
    ]


# -- the verdict -------------------------------------------------------------------------------------------------------


def _verdict(
    validation: tuple[Score, Score] | None,
    test: tuple[Score, Score] | None,
    iterations: Sequence[Iteration],
    best: int,
    *,
    higher_is_better: bool,
) -> str:
    """The run in one or two sentences."""
    if validation is None:
        return "The run is not finished: the base model has not been evaluated yet."
    aside = "" if higher_is_better else " (lower is better)"
    if test is None:
        base = f"the base model's validation {validation[0].metric} is {text.score(validation[0])}"
        standing = _moved("validation", *validation) if best else f"{_unbeaten(iterations)}; {base}"
        return f"The run is not finished. So far {standing}{aside}."
    if not best:
        opening = _unbeaten(iterations)
        scored = f"test {test[0].metric} {text.score(test[0])}{aside}"
        return f"{opening[0].upper()}{opening[1:]}, so the base model stands: {scored}."
    sentence = f"{_moved('test', *test)}{aside}"
    return f"{sentence[0].upper()}{sentence[1:]}."


def _disqualified(reasons: Sequence[str]) -> str:
    return f"The run was disqualified, and its model not scored on test: {'; '.join(reasons)}."


def _unbeaten(iterations: Sequence[Iteration]) -> str:
    if not iterations:
        return "no submission was handed in"
    if not any(i.score for i in iterations):
        return "no submission passed the gates"
    return "no submission was shown to be better than the base model on validation"


def _moved(split: str, before: Score, after: Score) -> str:
    if after.value == before.value:
        return f"{split} {before.metric} stayed at {text.score(before)}"
    verb = "rose" if after.value > before.value else "fell"
    apart = before.interval[1] < after.interval[0] or after.interval[1] < before.interval[0]
    intervals = f"the 95{text.SPACE}% intervals {'do not overlap' if apart else 'overlap'}"
    return f"{split} {before.metric} {verb} from {text.score(before)} to {text.score(after)}; {intervals}"


def _ending(stopped: dict[str, bool] | None) -> str:
    if stopped is None:
        return "The agent has not stopped: the run is at work, or it was interrupted and can be resumed."
    if stopped["out_of_budget"]:
        return "The run stopped because its budget was used up."
    return "The run stopped because the agent had nothing further to propose."


def _test(opened: Sequence[str], test: tuple[Score, Score] | None) -> str:
    if not opened:
        return "Test is sealed; it is opened once, after the agent has stopped."
    times = "once" if len(opened) == 1 else f"{len(opened)} times (grading was interrupted and begun again)"
    scored = f"{test[0].n} items were scored" if test else "it was not scored"
    return f"Test was opened {times}, at {', '.join(map(text.time, opened))}, after the agent had stopped; {scored}."


# -- cards -------------------------------------------------------------------------------------------------------------


def _cards(
    validation: tuple[Score, Score] | None,
    test: tuple[Score, Score] | None,
    iterations: Sequence[Iteration],
    spent: Spent,
) -> list[Card]:
    kinds = [_status(i) for i in iterations]
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("accepted", "rejected", "stopped") if kind in kinds)
    tokens = spent.input_tokens + spent.output_tokens
    return [
        _score_card("test", test),
        _score_card("validation", validation),
        Card("iterations", f"{len(iterations):,}", counts or "none yet"),
        Card("wall time", text.duration(spent.wall_s), f"device {text.duration(spent.device_s)}"),
        Card("LLM tokens", f"{tokens:,}", f"${spent.cost_usd:,.2f}"),
    ]


def _score_card(split: str, scores: tuple[Score, Score] | None) -> Card:
    if scores is None:
        return Card(
            split,
            "not scored",
            "opened when the agent has stopped" if split == "test" else "the base model comes first",
        )
    before, after = scores
    metric = before.metric
    value = f"{text.number(before.value, metric)} → {text.number(after.value, metric)}{text.unit(metric)}"
    intervals = f"{text.interval(*before.interval, metric)} → {text.interval(*after.interval, metric)}"
    return Card(f"{split} {metric}", value, f"{intervals}, n{text.SPACE}={text.SPACE}{before.n:,}")


# -- iterations --------------------------------------------------------------------------------------------------------


def _status(iteration: Iteration) -> str:
    return "accepted" if iteration.accepted else "rejected" if iteration.score else "stopped"


def _reason(iteration: Iteration) -> str:
    """Why, without the numbers, which have a column of their own."""
    if iteration.decision is not None:
        return iteration.decision.reason.partition(":")[0]
    errors = [f for f in iteration.feedback.execution.findings if f.severity == "error"]
    return f"gate {errors[0].gate}, {errors[0].code}: {errors[0].message}" if errors else "not evaluated"


def _row(iteration: Iteration, metric: str, *, detailed: bool) -> Row:
    seconds = iteration.feedback.execution.seconds
    return Row(
        number=iteration.number,
        hypothesis=iteration.plan.hypothesis if iteration.plan else "the plan could not be read",
        changes=Some.of(iteration.plan.changes if iteration.plan else [], 3),
        score=text.score(iteration.score) if iteration.score else "",
        difference=text.difference(iteration.decision.difference, metric) if iteration.decision else "",
        status=_status(iteration),
        reason=_reason(iteration),
        duration=text.duration(seconds.plan + seconds.data + seconds.train + seconds.evaluate),
        detailed=detailed,
    )


def _detail(
    run: Path, row: Row, iteration: Iteration, calls: Sequence[Call], data_calls: Sequence[Call], best: int
) -> Detail:
    plan, feedback = iteration.plan, iteration.feedback
    evaluation = feedback.evaluation
    return Detail(
        row=row,
        best=iteration.number == best,
        iteration=iteration,
        outcome=_outcome(iteration),
        intent=_intent(plan) if plan else [],
        evidence=Some.of(plan.evidence if plan else []),
        calls=Some.of(map(_call, calls)),
        data_calls=_data_calls(data_calls),
        changes=Some.of(plan.changes if plan else []),
        findings=Some.of(feedback.execution.findings),
        execution=_execution(feedback),
        data=_data(feedback.data) if feedback.data else [],
        mixture=Some.of(Fact(k or "none named", f"{v:,}") for k, v in feedback.data.per_subtask.items())
        if feedback.data
        else Some([], 0),
        training=_training(feedback.training) if feedback.training else [],
        evaluation=_evaluation(evaluation) if evaluation else [],
        errors=Some.of(Fact(k, f"{v:,}") for k, v in _by_count(evaluation)) if evaluation else Some([], 0),
        metrics=Some.of(Fact(k, text.number(v, k)) for k, v in evaluation.metrics.items())
        if evaluation
        else Some([], 0),
        files=_files(run / SUBMISSIONS / f"{iteration.number:03d}"),
        samples=Some.of(evaluation.samples if evaluation else []),
    )


def _intent(plan: Plan) -> list[Fact]:
    said = {
        "planned by": plan.by,
        "risk": plan.risks,
        "refuted if": plan.refuted_if,
        "next": "; ".join(plan.outlook),
    }
    return [Fact(name, value) for name, value in said.items() if value]


def _call(call: Call) -> CallRow:
    used = call.usage
    about = "estimated " if used.estimated else ""
    return CallRow(
        purpose=call.purpose,
        used=f"{used.input_tokens:,} + {used.output_tokens:,} {about}tokens, {text.duration(call.seconds)}",
        reply=f"{call.fault.kind}: {call.fault.message}" if call.fault else call.reply or "(empty)",
        failed=call.fault is not None,
    )


def _data_calls(calls: Sequence[Call]) -> list[Fact]:
    return [Fact(model, _counted([c for c in calls if c.model == model])) for model in sorted({c.model for c in calls})]


def _counted(calls: Sequence[Call]) -> str:
    spent = sum((call.charge for call in calls), Spent())
    kinds = {"failed": sum(c.fault is not None for c in calls), "kept from earlier runs": sum(c.cached for c in calls)}
    aside = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if count)
    paid = f"{spent.input_tokens:,} + {spent.output_tokens:,} tokens, ${spent.cost_usd:,.2f}"
    made = "1 call" if len(calls) == 1 else f"{len(calls):,} calls"
    return f"{made}{f' ({aside})' if aside else ''}, {paid}"


def _by_count(evaluation: EvaluationFeedback) -> list[tuple[str, int]]:
    return sorted(evaluation.errors.items(), key=lambda pair: -pair[1])


def _outcome(iteration: Iteration) -> str:
    if iteration.score is None or iteration.decision is None:
        return f"Stopped: {_reason(iteration)}."
    verdict = "Accepted" if iteration.accepted else "Rejected"
    return f"{iteration.score.metric} {text.score(iteration.score)}. {verdict}: {iteration.decision.reason}."


def _execution(feedback: Feedback) -> list[Fact]:
    stages = [(name, value) for name, value in feedback.execution.seconds.model_dump().items() if value]
    took = [Fact(name, text.duration(seconds)) for name, seconds in stages]
    reused = ", ".join(feedback.execution.reused)
    return [*took, Fact("taken from the store", reused)] if reused else took


def _data(data: DataFeedback) -> list[Fact]:
    return [
        Fact("rows", f"{data.rows:,}"),
        Fact(
            "evaluation items among them, made harmless",
            f"about {data.removed_overlap:,}" if data.removed_overlap else "none or few",
        ),
        Fact("duplicates", f"{data.duplicates:,}"),
        Fact("most frequent completion", f"{text.share(data.top_completion_share)} of the rows"),
        Fact("tokens a row (p50 / p95 / max)", _distribution(data.row_tokens)),
        Fact("label tokens a row (p50 / p95 / max)", _distribution(data.label_tokens)),
        Fact("truncated", f"{text.share(data.truncated_share)} of the rows"),
    ]


def _distribution(given: Distribution) -> str:
    return f"{given.p50:,} / {given.p95:,} / {given.max:,}"


def _training(training: TrainingFeedback) -> list[Fact]:
    held_out = [] if training.eval_loss is None else [Fact("held-out loss", f"{training.eval_loss:.3f}")]
    return [
        Fact("fit", training.fit.replace("_", "-")),
        Fact("training loss at the end", f"{training.train_loss:.3f}"),
        *held_out,
        Fact("steps", f"{training.steps:,} ({training.epochs:.2g} epochs)"),
        Fact("speed", f"{training.tokens_per_s:,.0f} tokens/s"),
        Fact("peak memory", f"{training.peak_memory_bytes / 2**30:.2f} GiB"),
    ]


def _evaluation(evaluation: EvaluationFeedback) -> list[Fact]:
    given = evaluation.score
    gap = evaluation.to_best
    compared = [Fact("difference to the best so far", text.difference(gap, given.metric))] if gap else []
    return [
        Fact(given.metric, f"{text.score(given)}, n = {given.n:,}"),
        *compared,
        Fact("answers of the right form", text.share(evaluation.parsed)),
    ]


def _files(folder: Path) -> list[SourceFile]:
    """The submitted files as they were handed in; links, which could lead out of the run, are not followed."""
    paths = [folder / name for name in (RECIPE, SCRIPT, TRAIN)]
    return [_file(path) for path in paths if path.is_file() and not path.is_symlink()]


def _file(path: Path) -> SourceFile:
    with path.open("rb") as stream:
        content = stream.read(FILE_BYTES).decode("utf-8", "replace")
    size = path.stat().st_size
    note = f"{size:,} bytes" if size <= FILE_BYTES else f"the first {FILE_BYTES:,} of {size:,} bytes"
    return SourceFile(path.name, content, note)


# -- sub-tasks and accounts --------------------------------------------------------------------------------------------


def _subtasks(baseline: EvaluationFeedback, iterations: Sequence[Iteration], best: int) -> Subtasks:
    evaluated = [(i.number, i.feedback.evaluation) for i in iterations if i.feedback.evaluation]
    latest = {number for number, _ in evaluated[-COLUMNS:]}
    chosen = [(0, baseline), *((n, e) for n, e in evaluated if n in latest or n == best)]
    metric = baseline.score.metric

    def values(subtask: str) -> list[str]:
        found = [evaluation.subtasks.get(subtask) for _, evaluation in chosen]
        return ["" if value is None else text.number(value, metric) for value in found]

    return Subtasks(
        models=[str(number) if number else "base" for number, _ in chosen],
        best=[number for number, _ in chosen].index(best),
        rows=Some.of((name, values(name)) for name in baseline.subtasks),
        total=[text.number(evaluation.score.value, metric) for _, evaluation in chosen],
        hidden=len(evaluated) + 1 - len(chosen),
    )


def _budget(spent: Spent, configuration: Configuration) -> list[Account]:
    names = {"wall_s": "wall time", "device_s": "device time", "cost_usd": "LLM cost"}

    def amount(name: str, value: float | None) -> str:
        if value is None:
            return "no limit"
        if name.endswith("_s"):
            return text.duration(value)
        return f"${value:,.2f}" if name == "cost_usd" else f"{value:,.0f}"

    return [
        Account(
            names.get(name, name.replace("_", " ")), amount(name, used), amount(name, configuration.budget.get(name))
        )
        for name, used in asdict(spent).items()
    ]
