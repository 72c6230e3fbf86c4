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
    """Accept if and only if the whole interval of the difference to the best is on the better side of zero."""
    gap = difference(task, scores, best)
    accepted = gap.low > 0 if task.spec.higher_is_better else gap.high < 0
    verdict = "better than the best so far" if accepted else "not shown to be better than the best so far"
    digits = 1 if task.spec.best_value >= 100 else 3  # percentage points, or a coefficient
    shown = [f"{number:+.{digits}f}" for number in (gap.value, gap.low, gap.high)]
    reason = f"{verdict}: difference {shown[0]}, 95 % interval [{shown[1]}, {shown[2]}]"
    return Decision(accepted=accepted, difference=gap, reason=reason)
