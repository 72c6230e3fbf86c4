"""The outcome of a submission: its feedback, and the decision about its model."""

from __future__ import annotations

from collections.abc import Sequence

from ftdojo.contract.feedback import ExecutionFeedback, Feedback
from ftdojo.contract.protocol import Decision
from ftdojo.contract.task_spec import Record
from ftdojo.episode import acceptance, evaluation
from ftdojo.episode.outcome import Outcome
from ftdojo.tasks.spec import Task


def judge(
    task: Task, items: Sequence[Record], outcome: Outcome, best: Outcome, *, planning_s: float
) -> tuple[Feedback, Decision | None]:
    """Return the feedback on all levels, and the decision on the model; ``None`` if nothing was evaluated.

    Args:
        task: supplies the scorer.
        items: the validation items.
        outcome: the outcome of the submission.
        best: the outcome of the best model so far.
        planning_s: seconds that the agent took to propose it.
    """
    seconds = outcome.costs.seconds.model_copy(update={"plan": planning_s})
    execution = ExecutionFeedback(seconds=seconds, reused=outcome.reused, findings=outcome.findings)
    feedback = Feedback(execution=execution, data=outcome.data, training=outcome.training)
    if outcome.predictions is None:
        return feedback, None
    reference = evaluation.scores(task, items, best.predicted)
    scores = evaluation.scores(task, items, outcome.predictions)
    measured = evaluation.feedback(task, items, outcome.predictions, best=reference)
    return feedback.model_copy(update={"evaluation": measured}), acceptance.decide(task, scores, reference)
