"""The ladder: show validation scores only of accepted submissions, so that many iterations cannot overfit to noise.

After Blum and Hardt, The Ladder: a reliable leaderboard for machine learning competitions (2015, arXiv 1502.04585): for
a submission that does not beat the best by a margin, the author sees the best's score and not the submission's own. The
margin here is that of acceptance, the whole 95 % interval. The feedback on data and training comes from the author's
own rows, and is not hidden. The record has everything.
"""

from __future__ import annotations

from collections.abc import Iterable

from ftdojo.contract.feedback import EvaluationFeedback, Interval
from ftdojo.contract.protocol import Decision, Iteration

REASON = "not shown to be better than the best so far, whose evaluation is shown here; the ladder hides its own"
FORGOTTEN = "better than the best so far, whose evaluation is shown here, and not shown to keep a guard task"


def hide_rejected(history: Iterable[Iteration], baseline: EvaluationFeedback) -> list[Iteration]:
    """Return the iterations as an agent may see them. Those that were evaluated and rejected have the best's
    evaluation, and a difference of 0 with an interval of plus or minus the width of the best's interval."""
    shown, best = [], baseline
    for iteration in history:
        if iteration.accepted and iteration.feedback.evaluation is not None:
            best = iteration.feedback.evaluation
        elif iteration.decision is not None:
            low, high = best.score.interval
            unknown = Interval(value=0.0, low=low - high, high=high - low)
            feedback = iteration.feedback.model_copy(update={"evaluation": best})
            kept = iteration.decision.guard
            decision = Decision(accepted=False, difference=unknown, reason=FORGOTTEN if kept else REASON, guard=kept)
            iteration = iteration.model_copy(update={"feedback": feedback, "decision": decision})  # noqa: PLW2901
        shown.append(iteration)
    return shown
