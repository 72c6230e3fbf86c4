"""From the record of a run to its ``result.json``."""

from __future__ import annotations

from ftdojo.contract.protocol import Iteration
from ftdojo.contract.repeats import compare_recipes, first_run
from ftdojo.contract.result import Best, BudgetUsed, IterationResult, LlmUsage, RunResult, ScorePair
from ftdojo.record.events import BaselineMeasured, RunBegun, TestScored
from ftdojo.record.history import History


def conclude(history: History, run: str) -> RunResult:
    """Return the result of ``run``, which has a ruling: its test was scored, or it was disqualified."""
    begun, measured = history.require(RunBegun), history.require(BaselineMeasured)
    baseline = measured.evaluation
    identity, test = begun.configuration, {} if history.reasons else history.require(TestScored).scores
    scored = history.first(TestScored)
    iterations, best, spent = history.iterations, history.best, history.spent
    range_ = begun.metric_range(baseline.score.value)
    return RunResult(
        run=run,
        task=identity.task,
        variant=identity.variant,
        model=identity.model,
        agent=identity.agent,
        planner=identity.planner,
        seed=identity.seed,
        outcome=history.outcome,
        reasons=history.reasons,
        baseline=ScorePair(validation=baseline.score, test=test.get("baseline")),
        best=Best(
            iteration=best,
            validation=iterations[best - 1].score if best else baseline.score,
            test=test.get("best"),
        ),
        iterations=[_result(iterations, i, range_) for i in iterations],
        budget=BudgetUsed(
            wall_s=spent.wall_s,
            device_s=spent.device_s,
            submissions=spent.submissions,
            llm=LlmUsage(input_tokens=spent.input_tokens, output_tokens=spent.output_tokens, cost_usd=spent.cost_usd),
        ),
        versions=begun.versions,
        digests=identity.digests,
        trivial=scored.trivial if scored else None,
        trivial_validation=measured.trivial,
        to_trivial=scored.to_trivial if scored else None,
        guard=iterations[best - 1].result().guard if best else [],
        guard_trivial=measured.guard_trivial,
        judge=measured.judge,
        ledger=history.head,
    )


def _result(history: list[Iteration], iteration: Iteration, range_: float) -> IterationResult:
    first = first_run(history, iteration)
    return iteration.result(
        repeats=None if first is iteration else first.number,
        recipe=compare_recipes(history, iteration.number, range_=range_),
    )
