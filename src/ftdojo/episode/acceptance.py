"""The rule of acceptance, in one pure function: only arithmetic on the same validation items."""

from __future__ import annotations

from collections.abc import Sequence

from ftdojo.contract.feedback import Interval
from ftdojo.contract.protocol import Decision
from ftdojo.tasks.scoring import compare
from ftdojo.tasks.spec import ItemScore, Task


def difference(task: Task, scores: Sequence[ItemScore], reference: Sequence[ItemScore]) -> Interval:
    """Return the paired difference of two models on the same items, in the metric's unit, with its 95 % interval."""
    gap = compare(task, scores, reference)
    return Interval(value=gap.value, low=gap.low, high=gap.high)


def decide(task: Task, scores: Sequence[ItemScore], best: Sequence[ItemScore]) -> Decision:
    """Accept if and only if the whole interval of the difference to the best is on the better side of zero.

    This is the rule for the model in hand, on all validation items. Whether its *recipe* is better, with other seeds
    too, is another question: see :mod:`ftdojo.stats.recipe`.
    """
    gap = difference(task, scores, best)
    accepted = gap.low > 0 if task.spec.higher_is_better else gap.high < 0
    verdict = "better than the best so far" if accepted else "not shown to be better than the best so far"
    return Decision(accepted=accepted, difference=gap, reason=f"{verdict}: {_shown(task, gap)}")


def reject_early(task: Task, scores: Sequence[ItemScore], best: Sequence[ItemScore], *, of: int) -> Decision:
    """Reject a model whose evaluation was stopped because its outcome is clear.

    Args:
        task: says which scores are better.
        scores: verdicts on the items that were answered.
        best: verdicts of the best model on the same items.
        of: the number of all validation items.
    """
    gap = difference(task, scores, best)
    reason = (
        f"not shown to be better than the best so far: {_shown(task, gap)} on {len(scores)} of {of} items; the others "
        "were not needed"
    )
    return Decision(accepted=False, difference=gap, reason=reason, answered=len(scores))


def _shown(task: Task, gap: Interval) -> str:
    digits = 1 if task.spec.best_value >= 100 else 3  # percentage points, or a coefficient
    shown = [f"{number:+.{digits}f}" for number in (gap.value, gap.low, gap.high)]
    return f"difference {shown[0]}, 95 % interval [{shown[1]}, {shown[2]}]"
