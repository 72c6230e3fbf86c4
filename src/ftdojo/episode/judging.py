"""The outcome of a submission: its feedback, and the decision about its model."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from ftdojo.contract.feedback import ExecutionFeedback, Feedback
from ftdojo.contract.protocol import Decision
from ftdojo.contract.task_spec import Record
from ftdojo.episode import acceptance, evaluation
from ftdojo.episode.evaluate_stage import Reference
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
    *,
    planning_s: float,
) -> tuple[Feedback, Decision | None]:
    """Return the feedback on all levels, and the decision on the model; ``None`` if nothing was evaluated.

    Args:
        task: supplies the scorer.
        items: the validation items.
        outcome: the outcome of the submission.
        reference: returns the best model's verdicts on all items.
        planning_s: seconds that the agent took to propose it.
    """
    seconds = outcome.costs.seconds.model_copy(update={"plan": planning_s})
    execution = ExecutionFeedback(seconds=seconds, reused=outcome.reused, findings=outcome.findings)
    feedback = Feedback(execution=execution, data=outcome.data, training=outcome.training)
    if outcome.predictions is None:
        return feedback, None
    best, answered = {verdict.id: verdict for verdict in reference()}, [p.id for p in outcome.predictions]
    asked = {str(item["id"]): item for item in items}
    part, known = [asked[id_] for id_ in answered], [best[id_] for id_ in answered]
    scores = evaluation.scores(task, part, outcome.predictions)
    measured = evaluation.feedback(task, part, outcome.predictions, best=known)
    if len(answered) < len(items):
        decision = acceptance.reject_early(task, scores, known, of=len(items))
    else:
        decision = acceptance.decide(task, scores, known)
    return feedback.model_copy(update={"evaluation": measured}), decision
