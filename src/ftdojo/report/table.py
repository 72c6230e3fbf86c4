"""The closing table: scores and costs of a run, on one screen of 80 columns."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ftdojo.contract.result import IterationResult, RunResult, Score
from ftdojo.plain import plural
from ftdojo.report import text, view

ITERATIONS = 30
"""Number of the latest iterations that are listed, in addition to the best one."""


def closing_table(result: RunResult) -> RenderableType:
    """Return the scores of base and best model with intervals, one line per iteration, and the spent budget."""
    parts: list[RenderableType] = [_scores(result)]
    if result.trivial or result.trivial_validation:
        parts.append(_trivial(result))
    if result.judge:
        parts.append(_text(f"judge {text.judged(result.judge)}", 200))
    if result.guard:
        parts += [_guard(result), *_guard_warnings(result)]
    if result.iterations:
        parts.append(_iterations(result))
    return Group(*parts, _spent(result))


def next_table(report: view.Report) -> RenderableType:
    """Return what to do with a run, in commands; one a line, so that it can be copied."""
    lines = []
    if report.model:
        lines.append(Text.assemble(("model  ", "bold"), report.model))
    for step in report.steps:
        lines.append(Text.assemble(("next   ", "bold"), step.what))
        if step.command:
            lines.append(Text(f"         {step.command}"))
    return Group(*lines)


def more_table(report: view.Report) -> RenderableType:
    """Return what more rows or time would buy, of a finished run; nothing if nothing was scored."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("what would more buy?", max_width=36)
    table.add_column("on validation")
    for fact in report.more:
        table.add_row(_text(fact.name, 60), _text(fact.value, 200))
    return table if report.more else Text("")


def _scores(result: RunResult) -> Table:
    best = result.best
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=_text(result.task, 76, "bold"), title_justify="left")
    table.add_column("")
    table.add_column("base model")
    table.add_column(f"best, iteration {best.iteration}" if best.iteration else "best: the base model")
    for split in ("validation", "test"):
        before, after = getattr(result.baseline, split), getattr(best, split)
        metric = f" {before.metric}" if before else ""
        table.add_row(_text(split + metric, 28), _score(before), _score(after))
    return table


def _trivial(result: RunResult) -> Table:
    """What answers without any training score. One that was asked a part of the items only says how many."""
    items = result.baseline.validation.n if result.baseline.validation else None
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("without training")
    table.add_column("validation", no_wrap=True)
    table.add_column("test", no_wrap=True)
    for label, on_validation, on_test in text.trivial_scores(result.trivial_validation, result.trivial):
        asked = _score(on_validation)
        if on_validation is not None and on_validation.n != items:
            asked.append(f"\nof {plural(on_validation.n, 'item')}")
        table.add_row(_text(label, 48), asked, _score(on_test))
    return table


def _guard(result: RunResult) -> Table:
    """What the best model keeps of the tasks that it must not forget, and what needs no training on them."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("guard task")
    table.add_column("base → best", no_wrap=True)
    table.add_column(f"difference, margin {result.guard[0].margin:g}", no_wrap=True)
    for given in result.guard:
        scores = f"{text.score(given.base)} →\n{text.score(given.model)}"
        table.add_row(_text(given.task, 56), Text(scores), Text(text.guarded(given)))
        for words, score in text.without_training(result.guard_trivial.get(given.task)):
            asked = "" if score.n == given.base.n else f", of {plural(score.n, 'item')}"
            table.add_row(_text(words, 56), _score(score), Text(f"without training{asked}"))
    return table


def _guard_warnings(result: RunResult) -> list[Text]:
    """Why the verdicts on guard tasks cannot show that they were forgotten."""
    warnings = (trivial.warning(task) for task, trivial in result.guard_trivial.items())
    return [_text(f"warning: {warning}", 300, "yellow") for warning in warnings if warning]


def _iterations(result: RunResult) -> Table:
    shown = {result.best.iteration, *(i.number for i in result.iterations[-ITERATIONS:])}
    listed = [i for i in result.iterations if i.number in shown]
    hidden = len(result.iterations) - len(listed)
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        caption=f"{plural(hidden, 'earlier iteration')}: see the report" if hidden else None,
        caption_justify="left",
    )
    table.add_column("no.", justify="right")
    table.add_column("what changed", max_width=30)
    table.add_column("validation", no_wrap=True)
    table.add_column("decision", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    for iteration in listed:
        table.add_row(
            str(iteration.number),
            _changes(iteration),
            _score(iteration.validation),
            _decision(iteration),
            f"{iteration.seconds.total:,.0f}",
        )
    return table


def _changes(iteration: IterationResult) -> Text:
    """Return the first change and the number of further changes."""
    if not iteration.changes:
        return _text(iteration.hypothesis or "no plan", 56)
    first, *others = iteration.changes
    more = f" (+{len(others)} more)" if others else ""
    return _text(f"{first.key}: {first.before} → {first.after}", 56).append(more)


def _decision(iteration: IterationResult) -> Text:
    if iteration.accepted:
        return Text("accepted", "green")
    if iteration.forgotten:
        return Text("forgets", "yellow")
    if iteration.validation is not None:
        return Text("rejected")
    stopped = next((f for f in iteration.findings if f.severity == "error"), None)
    return Text(f"gate {stopped.gate}" if stopped else "not scored", "yellow")


def _spent(result: RunResult) -> Text:
    budget, llm = result.budget, result.budget.llm
    tokens = f"{llm.input_tokens:,} LLM tokens read, {llm.output_tokens:,} written (${llm.cost_usd:,.2f})"
    if not llm.input_tokens:
        tokens = "no LLM tokens"
    clock = f"{text.duration(budget.wall_s)} (device {text.duration(budget.device_s)})"
    return Text(f"spent: {clock}, {plural(budget.submissions, 'submission')}, {tokens}")


def _score(score: Score | None) -> Text:
    """A score; what is corrected for the errors of a judge has a line of its own, because columns are narrow."""
    return Text("–" if score is None else text.score(score).replace(", corrected", "\ncorrected"))


def _text(given: str, limit: int, style: str = "") -> Text:
    """Return text that is never parsed as markup and contains no terminal control sequences."""
    return Text(text.line(given, limit), style)
