"""The ladder: validation is told only when it was shown to have improved, so that many iterations cannot climb noise.

After Blum and Hardt, The Ladder: a reliable leaderboard for machine learning competitions (2015, arXiv 1502.04585): a
submission that does not beat the best by a margin learns the best's score and nothing of its own. The margin here is
that of acceptance, the whole 95 % interval. What is told of data and training comes from the submitter's own rows, and
stays. The record has everything.
"""

from __future__ import annotations

from collections.abc import Iterable

from ftdojo.contract.feedback import EvaluationFeedback, Interval
from ftdojo.contract.protocol import Decision, Iteration

REASON = "not shown to be better than the best so far, whose evaluation this is; the ladder tells no more"


def hide_rejected(history: Iterable[Iteration], baseline: EvaluationFeedback) -> list[Iteration]:
    """The iterations as an agent may see them: those that were evaluated and rejected with the best's evaluation, and a
    difference of nought that may as well be as large as the best's interval is wide."""
    shown, best = [], baseline
    for iteration in history:
        if iteration.accepted and iteration.feedback.evaluation is not None:
            best = iteration.feedback.evaluation
        elif iteration.decision is not None:
            low, high = best.score.interval
            unknown = Interval(value=0.0, low=low - high, high=high - low)
            feedback = iteration.feedback.model_copy(update={"evaluation": best})
            decision = Decision(accepted=False, difference=unknown, reason=REASON)
            iteration = iteration.model_copy(update={"feedback": feedback, "decision": decision})  # noqa: PLW2901
        shown.append(iteration)
    return shown
