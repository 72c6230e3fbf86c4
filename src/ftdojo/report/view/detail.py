"""The details of an iteration: its plan, its calls to language models, its levels of feedback, its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ftdojo.contract.budget import Spent
from ftdojo.contract.call import Call
from ftdojo.contract.feedback import (
    DataFeedback,
    Distribution,
    EvaluationFeedback,
    Feedback,
    Interval,
    TrainingFeedback,
)
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import RecipeDifference
from ftdojo.contract.script import SCRIPT, TRAIN_SCRIPT
from ftdojo.contract.submission import RECIPE, TRAIN, Plan
from ftdojo.plain import plural
from ftdojo.record import RunFolder
from ftdojo.report import text
from ftdojo.report.view.iterations import reason
from ftdojo.report.view.parts import CallRow, Detail, Fact, Row, Some, SourceFile

FILE_BYTES = 16_000
"""Maximum number of bytes shown of a submitted file."""


def detail(
    run: RunFolder,
    row: Row,
    iteration: Iteration,
    calls: Sequence[Call],
    data_calls: Sequence[Call],
    best: int,
    recipe: RecipeDifference | None,
) -> Detail:
    """Return all details, in the order of the page: plan, calls, outcome, findings, feedback, files, wrong outputs."""
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
        mixture=Some.of(_mixture(feedback.data) if feedback.data else []),
        training=_training(feedback.training, iteration.start) if feedback.training else [],
        evaluation=_evaluation(evaluation, recipe) if evaluation else [],
        errors=Some.of(_errors(evaluation) if evaluation else []),
        metrics=Some.of(_metrics(evaluation) if evaluation else []),
        files=_files(run.submission(iteration.number)),
        samples=Some.of(evaluation.samples if evaluation else []),
    )


def _outcome(iteration: Iteration) -> str:
    if iteration.score is None or iteration.decision is None:
        return f"Stopped: {reason(iteration)}."
    verdict = "Accepted" if iteration.accepted else "Rejected"
    return f"{iteration.score.metric} {text.score(iteration.score)}. {verdict}: {iteration.decision.reason}."


def _intent(plan: Plan) -> list[Fact]:
    entries = {
        "planned by": plan.by,
        "risk": plan.risks,
        "refuted if": plan.refuted_if,
        "next": "; ".join(plan.outlook),
    }
    return [Fact(name, value) for name, value in entries.items() if value]


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
    made = plural(len(calls), "call")
    return f"{made}{f' ({aside})' if aside else ''}, {paid}"


def _execution(feedback: Feedback) -> list[Fact]:
    stages = [(name, value) for name, value in feedback.execution.seconds.model_dump().items() if value]
    took = [Fact(name, text.duration(seconds)) for name, seconds in stages]
    reused = ", ".join(feedback.execution.reused)
    return [*took, Fact("taken from the store", reused)] if reused else took


def _data(data: DataFeedback) -> list[Fact]:
    return [
        Fact("rows", f"{data.rows:,}"),
        *_overlap(data),
        Fact("duplicates", f"{data.duplicates:,}"),
        Fact("most frequent completion", f"{text.share(data.top_completion_share)} of the rows"),
        Fact("tokens per row (p50 / p95 / max)", _distribution(data.row_tokens)),
        Fact("label tokens per row (p50 / p95 / max)", _distribution(data.label_tokens)),
        Fact("truncated", f"{text.share(data.truncated_share)} of the rows"),
        *_sampled(data),
    ]


def _sampled(data: DataFeedback) -> list[Fact]:
    """Return what samples said about the rows, if some were drawn."""
    drawn = data.sampled
    if drawn is None:
        return []
    counts = {"asked": drawn.rows, "solved": drawn.solved, "mastered": drawn.mastered}
    counts |= {"contradicted": drawn.contradicted, "dropped": drawn.dropped}
    return [Fact("rows that a model answered", ", ".join(f"{count:,} {name}" for name, count in counts.items()))]


def _overlap(data: DataFeedback) -> list[Fact]:
    """Return evaluation items among the rows, which runs of earlier builds reported."""
    if not data.removed_overlap:
        return []
    return [Fact("evaluation items found among them and neutralized", f"about {data.removed_overlap:,}")]


def _distribution(given: Distribution) -> str:
    return f"{given.p50:,} / {given.p95:,} / {given.max:,}"


def _mixture(data: DataFeedback) -> list[Fact]:
    return [Fact(k or "none named", f"{v:,}") for k, v in data.per_subtask.items()]


def _training(training: TrainingFeedback, start: int | None) -> list[Fact]:
    started = [] if start is None else [Fact("started from", f"the weights of iteration {start}")]
    held_out = [] if training.eval_loss is None else [Fact("held-out loss", f"{training.eval_loss:.3f}")]
    return [
        *started,
        Fact("fit", training.fit.replace("_", "-")),
        Fact("training loss at the end", f"{training.train_loss:.3f}"),
        *held_out,
        *_rewards(training),
        Fact("steps", f"{training.steps:,} ({training.epochs:.2g} {'epoch' if training.epochs == 1 else 'epochs'})"),
        Fact("speed", f"{training.tokens_per_s:,.0f} tokens/s"),
        Fact("peak memory", f"{training.peak_memory_bytes / 2**30:.2f} GiB"),
    ]


def _rewards(training: TrainingFeedback) -> list[Fact]:
    if training.rewards:
        last = training.rewards[-1]
        margin = f"{last.margin:.3f}, above 0 in {text.share(last.accuracy)} of the rows"
        drift = "" if last.drift is None else f"{-last.drift:+.2f} nats per token"
        return [
            Fact("reward margin at the end", margin),
            *([Fact("chosen answers against the start, log-probability", drift)] if drift else []),
        ]
    if not training.rollouts:
        return []
    first, end = training.rollouts[0], training.rollouts[-1]
    right = f"{text.share(first.right)}, {text.share(end.right)}"
    return [
        Fact("mean reward of its answers, first and last", f"{first.reward:.3f}, {end.reward:.3f}"),
        Fact("right answers, first and last", right),
        Fact("tokens of an answer, first and last", f"{first.output_tokens:.0f}, {end.output_tokens:.0f}"),
        Fact("entropy of a token, first and last", f"{first.entropy:.2f}, {end.entropy:.2f} nats"),
    ]


def _evaluation(evaluation: EvaluationFeedback, recipe: RecipeDifference | None) -> list[Fact]:
    given = evaluation.score
    gap = evaluation.to_best
    compared = [Fact("difference to the best so far", text.difference(gap, given.metric))] if gap else []
    if recipe:
        between = Interval(value=recipe.value, low=recipe.interval[0], high=recipe.interval[1])
        runs = f"{plural(recipe.runs, 'run')} and {plural(recipe.reference_runs, 'run')}"
        compared.append(
            Fact("the same of recipes, with other seeds", f"{text.difference(between, given.metric)}, {runs}")
        )
    return [
        Fact(given.metric, f"{text.score(given)}, n = {given.n:,}"),
        *compared,
        Fact("answers of the right form", text.share(evaluation.parsed)),
    ]


def _errors(evaluation: EvaluationFeedback) -> list[Fact]:
    return [Fact(k, f"{v:,}") for k, v in sorted(evaluation.errors.items(), key=lambda pair: -pair[1])]


def _metrics(evaluation: EvaluationFeedback) -> list[Fact]:
    return [Fact(k, text.number(v, k)) for k, v in evaluation.metrics.items()]


def _files(folder: Path) -> list[SourceFile]:
    """Return the submitted files; links are not followed, because they could point outside the run."""
    paths = [folder / name for name in (RECIPE, SCRIPT, TRAIN, TRAIN_SCRIPT)]
    return [_file(path) for path in paths if path.is_file() and not path.is_symlink()]


def _file(path: Path) -> SourceFile:
    with path.open("rb") as stream:
        content = stream.read(FILE_BYTES).decode("utf-8", "replace")
    size = path.stat().st_size
    note = f"{size:,} bytes" if size <= FILE_BYTES else f"the first {FILE_BYTES:,} of {size:,} bytes"
    return SourceFile(path.name, content, note)
