"""From the record of a run to the page: read the ledger, select what is shown, and make each part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ftdojo.contract.budget import Spent
from ftdojo.contract.configuration import Configuration
from ftdojo.contract.feedback import EvaluationFeedback
from ftdojo.contract.prompts import name_prompts
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.repeats import compare_recipes
from ftdojo.contract.result import JudgeAgreement, Score
from ftdojo.episode.examples import read_examples
from ftdojo.errors import UsageError
from ftdojo.record import Ledger, RunFolder
from ftdojo.record.events import AgentStopped, BaselineMeasured, IterationEnded, RunBegun, TestOpened, TestScored
from ftdojo.record.history import History
from ftdojo.record.state import name_outcome
from ftdojo.report import text
from ftdojo.report.advice import advise, repeat_command
from ftdojo.report.view.accounts import accounts
from ftdojo.report.view.cards import cards
from ftdojo.report.view.classes import class_table
from ftdojo.report.view.detail import detail
from ftdojo.report.view.examples import example_cards
from ftdojo.report.view.iterations import row
from ftdojo.report.view.more import what_more_buys
from ftdojo.report.view.parts import Fact, Report, Some
from ftdojo.report.view.scores import guard_rows, score_lines, score_rows
from ftdojo.report.view.subtasks import subtasks
from ftdojo.report.view.verdict import ending, opening, verdict

DETAILS = 50
"""Number of the latest iterations that are shown in detail, in addition to the best one."""


def read(run: Path) -> Report:
    """Read the report of a run that is finished, in progress, or interrupted.

    Raises:
        UsageError: if the folder holds no run, or nothing was recorded in it.
    """
    with Ledger(run, writable=False) as ledger:
        history = History(ledger)
        run_begun = history.first(RunBegun)
        if run_begun is None:
            raise UsageError(
                f"nothing is recorded in {run}: its run ended before it began", fix="run the same command again"
            )
        baseline, iterations, spent = history.baseline, history.iterations, history.spent
        probes = history.probes
        calls, data_calls, reasons = history.calls, history.data_calls, history.reasons
        measured = history.first(BaselineMeasured)
        scored, stopped, finished = history.first(TestScored), history.first(AgentStopped), history.finished
        opened = [event.time for event in history.events if isinstance(event.event, TestOpened)]
        begun, ended = history.begun, history.events[-1].time
        limits = history.budget
        charges = [event.charge for event in history.events if isinstance(event.event, IterationEnded)]
    configuration = run_begun.configuration
    test = (scored.baseline, scored.best) if scored else None
    trivial = (measured.trivial if measured else None, scored.trivial if scored else None)
    outcomes = Counter(map(name_outcome, iterations))
    examples = read_examples(RunFolder(run).examples, scored.examples if scored else None)
    best = max((i.number for i in iterations if i.accepted), default=0)
    validation = _validation(baseline, iterations, best)
    shown = {best, *(i.number for i in iterations[-DETAILS:])}
    metric = run_begun.metric
    rows = [row(i, metric, detailed=i.number in shown) for i in iterations]
    range_ = run_begun.metric_range(baseline.score.value if baseline else 0.0)
    details = [
        detail(
            RunFolder(run),
            rows[i.number - 1],
            i,
            calls[i.number - 1],
            data_calls[i.number - 1],
            best,
            compare_recipes(iterations, i.number, range_=range_),
        )
        for i in iterations
        if i.number in shown
    ]
    return Report(
        title=configuration.task,
        model=str(RunFolder(run).model) if finished and best and RunFolder(run).model.is_dir() else "",
        steps=advise(
            run,
            run_begun,
            finished.iterations,
            best=best,
            out_of_budget=bool(stopped and stopped.out_of_budget),
        )
        if finished
        else [],
        command=repeat_command(run_begun, run.parent / f"{run.resolve().name}-again"),
        objective=run_begun.objective,
        identity=identity_facts(
            configuration,
            finished.outcome if finished else "unfinished",
            begun,
            ended,
            measured.judge if measured else None,
        ),
        ending=ending(stopped),
        verdict=verdict(
            validation,
            scored,
            outcomes,
            best,
            reasons=reasons,
            forgotten=any(i.result().forgotten for i in iterations),
            higher_is_better=run_begun.higher_is_better,
        ),
        cards=cards(validation, test, outcomes, spent),
        scores=score_rows(validation, test, best, trivial),
        guard=guard_rows(measured, iterations[best - 1] if best else None),
        lines=score_lines(trivial[0]),
        classes=class_table(scored.classes, best, scored.trivial) if scored else None,
        examples=example_cards(examples, best),
        more=what_more_buys(
            iterations,
            probes,
            best,
            trivial[0],
            best_value=run_begun.best_value,
            outlook=stopped.outlook if stopped else "",
            base=measured.headroom if measured else None,
        )
        if scored
        else [],
        metric=metric,
        baseline=baseline.score if baseline else None,
        iterations=iterations,
        best=best,
        rows=rows,
        subtasks=subtasks(baseline, iterations, best, trivial[0]) if baseline else None,
        details=Some(details, len(iterations) - len(details)),
        test=opening(opened, test),
        budget=accounts(spent, configuration.budget, limits, charges[-1] if charges else Spent(), len(charges)),
        digests=[Fact(name, value) for name, value in configuration.digests.items()],
        versions=[Fact(name, value) for name, value in run_begun.versions.items()],
    )


def _validation(
    baseline: EvaluationFeedback | None, iterations: Sequence[Iteration], best: int
) -> tuple[Score, Score] | None:
    """The base model and the best one on validation."""
    if baseline is None:
        return None
    score = iterations[best - 1].score if best else None
    return baseline.score, score or baseline.score


def identity_facts(
    configuration: Configuration, outcome: str, begun: str, ended: str, judge: JudgeAgreement | None
) -> list[Fact]:
    """Return what the run is, how it ended, and the times of its first and last event."""
    return [
        Fact("model", configuration.model),
        Fact("agent", configuration.agent or "none named"),
        Fact("planner", configuration.planner or "none"),
        Fact("teachers", configuration.teachers),
        *(Fact(f"data model {pool}", model) for pool, model in configuration.data_llm.items()),
        Fact("data", configuration.variant),
        *([Fact("judge", text.judged(judge))] if judge else []),
        *([Fact("prompts", name_prompts(configuration.prompts))] if configuration.prompts else []),
        Fact("seed", str(configuration.seed)),
        Fact("outcome", outcome.replace("_", " ")),
        Fact("begun", text.time(begun)),
        Fact("last event", text.time(ended)),
    ]
