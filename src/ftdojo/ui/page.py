"""The page of a run that is watched, and the points of its curves. What the parts show is decided by the report."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ftdojo.contract.feedback import ErrorSample
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import TRIVIAL_NAMES, Score
from ftdojo.episode.examples import read_examples
from ftdojo.episode.extension import read_request
from ftdojo.record import RunFolder
from ftdojo.report import text
from ftdojo.report.advice import Step, advise
from ftdojo.report.view.accounts import accounts
from ftdojo.report.view.cards import cards
from ftdojo.report.view.detail import detail
from ftdojo.report.view.examples import example_cards
from ftdojo.report.view.parts import Account, Card, Detail, ExampleCard, Fact, GuardRow, Row, ScoreRow, Some
from ftdojo.report.view.reading import identity_facts
from ftdojo.report.view.scores import guard_rows, score_rows
from ftdojo.report.view.verdict import ending, opening, verdict
from ftdojo.ui.actions import MINUTES
from ftdojo.ui.curve import thin
from ftdojo.ui.watched import Watched

CURVES = 6
"""Loss curves that are drawn."""
CURVE_POINTS = 300
SAMPLES = 8
"""Validation items with both outputs."""
NOT_RECORDED = "(not among its recorded wrong outputs)"


@dataclass(frozen=True, slots=True)
class Outputs:
    """A validation item that a model answered wrongly: the outputs of both models, as far as they are recorded."""

    title: str
    prompt: str
    base: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """What changes on the page of a run, top to bottom. What has the name of a part of the report is that part."""

    state: str
    title: str
    objective: str
    identity: list[Fact]
    can_finish: bool
    can_stop: bool
    more_minutes: Sequence[int]
    """How much more time can be given; empty if none can."""
    time_asked: str
    """The limit of time that the owner has asked for, until the run has it."""
    hint: str
    """How to go on with a run that is interrupted, or why it cannot be stopped here."""
    command: str
    """For that."""
    verdict: str
    cards: list[Card]
    metric: str
    scores: list[ScoreRow]
    guard: list[GuardRow]
    model: str
    steps: list[Step]
    best: int
    rows: list[Row]
    hidden_rows: int
    details: Some[Detail]
    newest: int
    """The number of the iteration that :attr:`outputs` are about; 0 if there is none."""
    outputs: list[Outputs]
    examples: list[ExampleCard]
    ending: str
    test: str
    budget: list[Account]


def make_page(run: Watched) -> RunPage | None:
    """Return the page; ``None`` if the run has recorded nothing yet.

    Raises:
        UsageError: if there is a link in the folder of the run by now.
    """
    RunFolder(run.folder).require_plain()  # files are read below, and the ledger may have been opened long ago
    now, state = run.now, run.state
    begun, measured, scored, result = now.begun, run.measured, run.scored, run.result
    if begun is None:
        return None
    configuration, folder = begun.configuration, RunFolder(run.folder)
    validation = (now.baseline, now.best_score or now.baseline) if now.baseline else None
    test = (scored.baseline, scored.best) if scored else None
    shown = run.shown
    complete = {iteration.number for iteration in shown}
    rows = [replace(row, detailed=row.number in complete) for row in run.rows]
    by_number = {row.number: row for row in rows}
    evaluated = next((i for i in reversed(shown) if i.feedback.evaluation), None)
    hint, command = _hint(run, state)
    return RunPage(
        state=state,
        title=configuration.task,
        objective=begun.objective,
        identity=identity_facts(
            configuration,
            now.outcome or "unfinished",
            now.first_time,
            now.last_time,
            measured.judge if measured else None,
        ),
        can_finish=state == "running" and now.stopped is None and not run.in_contest,
        can_stop=state in ("running", "finishing") and not run.in_contest,
        more_minutes=MINUTES if _may_extend(run, state) else (),
        time_asked=_time_asked(folder) if _may_extend(run, state) else "",
        hint=hint,
        command=command,
        verdict=verdict(
            validation,
            scored,
            now.outcomes,
            now.best,
            reasons=run.reasons,
            forgotten=bool(now.forgotten),
            higher_is_better=begun.higher_is_better,
        ),
        cards=cards(validation, test, now.outcomes, now.spent),
        metric=begun.metric,
        scores=score_rows(validation, test, now.best, (now.trivial, scored.trivial if scored else None)),
        guard=guard_rows(measured, run.best),
        model=str(folder.model) if result and now.best and folder.model.is_dir() else "",
        steps=advise(
            run.folder,
            begun,
            result.iterations,
            best=now.best,
            out_of_budget=bool(now.stopped and now.stopped.out_of_budget),
        )
        if result
        else [],
        best=now.best,
        rows=rows,
        hidden_rows=now.iterations - len(rows),
        details=Some(
            [
                # Its calls are in the log and in the report; the comparison of recipes needs all iterations.
                detail(folder, by_number[i.number], i, (), (), now.best, None)
                for i in shown
                if i.number in by_number
            ],
            now.iterations - len(shown),
        ),
        newest=evaluated.number if evaluated else 0,
        outputs=_pair_outputs(measured.evaluation.samples if measured else [], evaluated),
        # The right answers are the owner's, and only after the run is over.
        examples=example_cards(
            read_examples(folder.examples, scored.examples if result and scored else None), now.best
        ),
        ending=ending(now.stopped),
        test=opening(run.opened, test),
        budget=accounts(now.spent, configuration.budget, now.limits, now.last_charge, now.iterations),
    )


def _hint(run: Watched, state: str) -> tuple[str, str]:
    if state == "interrupted" and run.in_contest:
        return "It goes on when the command of its contest is repeated.", ""
    if state == "interrupted":
        return (
            "It goes on when its command is repeated; with a larger --budget, it gets more time. To end it as it is:",
            f"ftdojo finish {shlex.quote(str(run.folder))}",
        )
    if state == "running" and run.in_contest:
        return "A run of a contest can be neither finished early nor stopped here: all have the same budget.", ""
    if state == "finishing":
        return "It ends after the submission that it works on; then test is scored.", ""
    return "", ""


def _may_extend(run: Watched, state: str) -> bool:
    goes_on = state in ("running", "interrupted") and run.now.stopped is None and not run.in_contest
    return goes_on and run.now.limits.get("wall_s") is not None


def _time_asked(folder: RunFolder) -> str:
    wanted = read_request(folder)
    return text.duration(wanted) if wanted else ""


def _pair_outputs(base: Sequence[ErrorSample], iteration: Iteration | None) -> list[Outputs]:
    new = iteration.feedback.evaluation.samples if iteration and iteration.feedback.evaluation else []
    of_base, of_new = ({sample.id: sample for sample in samples} for samples in (base, new))
    both = [name for name in of_new if name in of_base]
    order = dict.fromkeys([*both, *of_new, *of_base])
    found = []
    for name in list(order)[:SAMPLES]:
        before, after = of_base.get(name), of_new.get(name)
        about = before or after
        assert about is not None
        found.append(
            Outputs(
                title=" ".join(filter(None, (about.subtask, about.id))),
                prompt=about.prompt,
                base=before.output if before else NOT_RECORDED,
                new=after.output if after else NOT_RECORDED,
            )
        )
    return found


def list_points(run: Watched) -> dict[str, Any]:
    """Return what the script draws, as values of JSON: scores with intervals, levels to compare with, and losses."""
    now = run.now
    trained = [i for i in run.shown if i.feedback.training]
    chosen = trained[-CURVES:]
    if trained and trained[0].number == now.best and trained[0] not in chosen:
        chosen = [trained[0], *chosen[1:]]
    return {
        "metric": text.line(now.begun.metric, 60) if now.begun else "",
        "baseline": _interval(now.baseline),
        "levels": [
            [TRIVIAL_NAMES[name], score.value]
            for name, score in (now.trivial.distinct.items() if now.trivial else ())
            if math.isfinite(score.value)
        ],
        "scores": [[p.number, p.outcome, *map(_finite, p[2:])] for p in run.points],
        "best": now.best,
        "curves": [_curve(iteration) for iteration in chosen],
    }


def list_current(run: Watched) -> dict[str, Any]:
    """Return the losses of the training that is under way, as values of JSON."""
    number = run.now.iterations + 1
    points = [] if run.now.outcome else run.curve.read(number)
    return {"iteration": number, "points": thin(points, CURVE_POINTS)}


def _curve(iteration: Iteration) -> dict[str, Any]:
    training = iteration.feedback.training
    assert training is not None
    return {
        "iteration": iteration.number,
        "points": thin([(point.step, point.loss) for point in training.curve], CURVE_POINTS),
        "held_out": thin(training.eval_curve, CURVE_POINTS),
    }


def _interval(score: Score | None) -> list[float | None] | None:
    return None if score is None else [*map(_finite, (score.value, *score.interval))]


def _finite(value: Any) -> Any:
    return value if value is None or math.isfinite(value) else None
