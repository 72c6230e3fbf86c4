"""Checks of scores: each follows from the stored outputs, and so does every decision."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path

from ftdojo import digest
from ftdojo.audit.evidence import CLOSE, Evidence, Made, Unchecked
from ftdojo.contract.protocol import Decision
from ftdojo.contract.result import GuardScore, Score
from ftdojo.contract.task_spec import Record
from ftdojo.data import read_items
from ftdojo.episode import acceptance, evaluation, sequential
from ftdojo.episode.evaluation import Prediction
from ftdojo.episode.guard import STAGE, compare_with_base, decide_guarded
from ftdojo.episode.predict import PREDICTIONS
from ftdojo.episode.sequential import Schedule
from ftdojo.judge import calibrate_first
from ftdojo.plain import plural
from ftdojo.record.events import BaselineMeasured, RunBegun
from ftdojo.tasks.scoring import score_of
from ftdojo.tasks.spec import ItemScore, Task


def validation(evidence: Evidence) -> list[str]:
    """Every validation score follows from the stored outputs."""
    recorded = evidence.history.baseline
    assert recorded is not None
    judged = evidence.history.require(BaselineMeasured).judge
    if judged != (agreement := calibrate_first(evidence.task)):
        return [f"{judged} is recorded of the judge, its replies give {agreement}"]
    scores = [recorded.score, *(i.score for i in evidence.iterations)]
    return [
        f"{made.label}: {score} is recorded, its outputs score {again}"
        for made, score in zip(evidence.made, scores, strict=True)
        if score is not None and not _same(evidence, score, again := score_of(evidence.task, _verdicts(evidence, made)))
    ]


def decisions(evidence: Evidence) -> list[str]:
    """Every decision, and so the best iteration, follows from the stored outputs by the rule of acceptance."""
    best, found = _verdicts(evidence, evidence.baseline), []
    for iteration, made in zip(evidence.iterations, evidence.made[1:], strict=True):
        recorded = iteration.decision
        if recorded is None:
            if iteration.score is not None:
                found.append(f"{made.label} was evaluated, but has no decision")
            continue
        verdicts = _verdicts(evidence, made)
        if found_here := _stopping_faults(evidence, made, recorded.answered, verdicts, best):
            found += found_here
            continue
        if recorded.answered is None:
            decision = acceptance.decide(evidence.task, verdicts, best)
        else:
            known = {v.id: v for v in best}
            part = [known[v.id] for v in verdicts]
            decision = acceptance.reject_early(evidence.task, verdicts, part, of=len(best))
        if decision.accepted:
            found += _unasked(evidence, made, recorded)
            decision = decide_guarded(decision, recorded.guard)
        gap, again = recorded.difference, decision.difference
        numbers = zip((gap.value, gap.low, gap.high), (again.value, again.low, again.high), strict=True)
        if recorded.accepted != decision.accepted or any(abs(a - b) > CLOSE for a, b in numbers):
            kind = "accepted" if recorded.accepted else "rejected"
            found.append(f"{made.label} was {kind} ({recorded.reason}); the rule says: {decision.reason}")
        best = verdicts if decision.accepted else best
    return found


def _unasked(evidence: Evidence, made: Made, recorded: Decision) -> list[str]:
    """Check that a model that is better has answered every guard task of the run."""
    asked, due = [score.task for score in recorded.guard], list(evidence.configuration.guard)
    return [] if asked == due else [f"{made.label} answered the guard tasks {asked}, the run has {due}"]


def guard(evidence: Evidence) -> list[str]:
    """Every score on a guard task, and what is said of it, follows from the stored outputs."""
    configuration, baseline = evidence.configuration, evidence.history.require(BaselineMeasured)
    found = []
    for name in configuration.guard:
        task, items, schedule = evidence.guard(name)

        def verdicts(made: Made, stage: str = f"{STAGE}{name}") -> list[ItemScore]:
            return _scored(task, items, evidence.recorded_stage(made, stage) / PREDICTIONS, schedule)  # noqa: B023

        base = verdicts(evidence.baseline)
        if not _same(evidence, baseline.guard[name], again := score_of(task, base)):
            found.append(f"the base model on {name}: {baseline.guard[name]} is recorded, its outputs score {again}")
        for iteration, made in zip(evidence.iterations, evidence.made[1:], strict=True):
            for recorded in iteration.decision.guard if iteration.decision else ():
                if recorded.task == name:
                    expected = compare_with_base(task, verdicts(made), base, configuration.guard_margin)
                    if not _same_guard(evidence, recorded, expected):
                        found.append(f"{made.label}: {recorded} is recorded, its outputs give {expected}")
    return found


def _same_guard(evidence: Evidence, one: GuardScore, other: GuardScore) -> bool:
    pairs = zip((one.difference, *one.interval), (other.difference, *other.interval), strict=True)
    exact = (one.margin, one.verdict) == (other.margin, other.verdict)
    scores = _same(evidence, one.base, other.base) and _same(evidence, one.model, other.model)
    return exact and scores and all(abs(a - b) <= CLOSE for a, b in pairs)


def _stopping_faults(
    evidence: Evidence, made: Made, answered: int | None, verdicts: Sequence[ItemScore], best: Sequence[ItemScore]
) -> list[str]:
    """Check that an evaluation ended where the rule ends it: early, or after the last item."""
    schedule, task = evidence.schedule, evidence.task
    if (len(verdicts) if len(verdicts) < len(best) else None) != answered:
        return [f"{made.label}: {answered or 'all'} answered items are recorded, {len(verdicts)} are stored"]
    stopped = f"{made.label} stopped after {plural(answered or 0, 'item')}"
    if schedule is None:
        return [] if answered is None else [f"{stopped}, in a run that never stops"]
    position = {str(item["id"]): i for i, item in enumerate(evidence.items)}
    by_place = {position[v.id]: v for v in verdicts}
    for size in schedule.looks:
        if size > len(verdicts):
            break
        part = [by_place[i] for i in schedule.part(size)]
        if size < len(best) and sequential.is_clear(task, schedule, part, best):
            due = f"{made.label}: the rule stops after {plural(size, 'item')}"
            return [] if size == answered else [f"{due}, and {answered or 'all'} were answered"]
    return [] if answered is None else [f"{stopped}, where the rule goes on"]


def outputs(evidence: Evidence) -> list[str]:
    """The outputs on test are those of the ledger. (That the model gave them is only shown by --regenerate.)"""
    scored, folder = evidence.test_scored, evidence.folder
    recorded = {folder.sealed_outputs(name): then for name, then in (scored.outputs or {}).items()}
    if scored.examples is not None and not evidence.is_copy:  # they have right answers, and are not copied
        recorded[folder.examples] = scored.examples
    return [
        f"{folder.sealed.name}/{path.name} " + ("was changed after it was scored" if path.is_file() else "is missing")
        for path, then in recorded.items()
        if not path.is_file() or digest.of_file(path) != then
    ]


def test(evidence: Evidence) -> list[str]:
    """Both test scores follow from these outputs."""
    scored = evidence.test_scored
    if scored.outputs is None:
        raise Unchecked("the run was recorded before outputs on test were kept")
    if outputs(evidence):
        raise Unchecked("the outputs on test are not those that were scored: see 'outputs'")
    items, found = read_items(evidence.data.sealed_test), []
    for name in ("baseline", "best"):
        verdicts = _scored(evidence.task, items, evidence.folder.sealed_outputs(name))
        recorded, again = scored.scores[name], score_of(evidence.task, verdicts)
        if not _same(evidence, recorded, again):
            found.append(f"{name}: {recorded} is recorded, its outputs score {again}")
        elif [(v.id, v.score) for v in scored.items[name]] != [(v.id, v.score) for v in verdicts]:
            found.append(f"{name}: the recorded verdicts are not those on its outputs")
    return found


def _verdicts(evidence: Evidence, made: Made) -> list[ItemScore]:
    """The verdicts on the validation items, or on those that were answered."""
    return _scored(
        evidence.task, evidence.items, evidence.recorded_stage(made, "evaluate") / PREDICTIONS, evidence.schedule
    )


def _scored(task: Task, items: Sequence[Record], path: Path, schedule: Schedule | None = None) -> list[ItemScore]:
    predictions = [Prediction.model_validate(row) for row in read_items(path)]
    if schedule is not None and len(predictions) in schedule.looks:
        items = [items[i] for i in schedule.part(len(predictions))]
    if [p.id for p in predictions] != [str(item["id"]) for item in items]:
        raise ValueError(f"{path.name} does not answer the task's items, one after the other")
    return evaluation.scores(task, items, predictions)


def _same(evidence: Evidence, one: Score, other: Score) -> bool:
    """Whether two scores agree; with their intervals, unless the run is of an older build."""
    intervals = evidence.history.require(RunBegun).compute is not None  # older builds had the score in the middle
    pairs = itertools.zip_longest(_numbers(one, intervals), _numbers(other, intervals), fillvalue=math.nan)
    return (one.metric, one.n) == (other.metric, other.n) and all(abs(a - b) <= CLOSE for a, b in pairs)


def _numbers(score: Score, intervals: bool) -> list[float]:
    found = [(score.value, score.interval)]
    if (corrected := score.corrected) is not None:
        found.append((corrected.value, corrected.interval))
    return [number for value, interval in found for number in (value, *(interval if intervals else ()))]
