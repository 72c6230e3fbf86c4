"""The outcome of a submission: its feedback, and the decision about its model."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from ftdojo.contract.feedback import EvaluationFeedback, ExecutionFeedback, Feedback, SampledRows
from ftdojo.contract.protocol import Decision
from ftdojo.contract.result import GuardScore
from ftdojo.contract.task_spec import Record
from ftdojo.episode import acceptance, evaluation
from ftdojo.episode.evaluate_stage import Reference
from ftdojo.episode.guard import decide_guarded, describe_losses
from ftdojo.episode.outcome import Outcome
from ftdojo.tasks.spec import Task


def verdicts_on(task: Task, items: Sequence[Record], best: Callable[[], Outcome]) -> Reference:
    """Return a function that gives the best model's verdicts on the validation items, found when they are first needed.

    Args:
        task: supplies the scorer.
        items: the validation items.
        best: returns the outcome of the best model.
    """
    return functools.cache(lambda: evaluation.scores(task, items, best().predicted))


def judge(
    task: Task,
    items: Sequence[Record],
    outcome: Outcome,
    reference: Reference,
    guard: Callable[[Outcome], list[GuardScore]],
    headroom: Callable[[Outcome], SampledRows | None],
    *,
    planning_s: float,
) -> tuple[Feedback, Decision | None]:
    """Return the feedback on all levels, and the decision on the model; ``None`` if nothing was evaluated.

    Args:
        task: supplies the scorer.
        items: the validation items.
        outcome: the outcome of the submission.
        reference: returns the best model's verdicts on all items.
        guard: returns what the model keeps of the guard tasks. Called only if the model would be accepted.
        headroom: returns how often samples of the model are right. Called only if the model is accepted.
        planning_s: seconds that the agent took to propose it.
    """
    measured, decision = _evaluate(task, items, outcome, reference)
    if decision is not None and decision.accepted:
        kept = guard(outcome)
        decision = decide_guarded(decision, kept)
        outcome.findings += describe_losses(kept)
    sampled = headroom(outcome) if decision is not None and decision.accepted else None
    seconds = outcome.costs.seconds.model_copy(update={"plan": planning_s})
    execution = ExecutionFeedback(seconds=seconds, reused=outcome.reused, findings=outcome.findings)
    feedback = Feedback(
        execution=execution, data=outcome.data, training=outcome.training, evaluation=measured, headroom=sampled
    )
    return feedback, decision


def _evaluate(
    task: Task, items: Sequence[Record], outcome: Outcome, reference: Reference
) -> tuple[EvaluationFeedback | None, Decision | None]:
    """The evaluation level of feedback, and the decision by validation alone."""
    if outcome.predictions is None:
        return None, None
    best, answered = {verdict.id: verdict for verdict in reference()}, [p.id for p in outcome.predictions]
    asked = {str(item["id"]): item for item in items}
    part, known = [asked[id_] for id_ in answered], [best[id_] for id_ in answered]
    scores = evaluation.scores(task, part, outcome.predictions)
    measured = evaluation.feedback(task, part, outcome.predictions, best=known)
    if len(answered) < len(items):
        decision = acceptance.reject_early(task, scores, known, of=len(items))
    else:
        decision = acceptance.decide(task, scores, known)
    return measured, decision
