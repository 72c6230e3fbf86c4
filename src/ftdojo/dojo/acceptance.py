"""The rule of acceptance, in one pure function: arithmetic on the same validation items, and nobody's opinion."""

from __future__ import annotations

from collections.abc import Sequence

from ftdojo.dojo.feedback import Interval
from ftdojo.dojo.protocol import Decision
from ftdojo.stats import paired_difference
from ftdojo.tasks.spec import ItemScore, TaskSpec


def difference(spec: TaskSpec, scores: Sequence[ItemScore], reference: Sequence[ItemScore]) -> Interval:
    """The paired difference of two models on the same items, in the metric's unit, with its 95 % interval."""
    if [s.id for s in scores] != [s.id for s in reference]:
        raise ValueError("paired scores must come from the same items in the same order")
    estimate = paired_difference([s.score for s in scores], [s.score for s in reference], [s.subtask for s in scores])
    scaled = estimate.scaled(spec.best_value)
    return Interval(value=scaled.value, low=scaled.low, high=scaled.high)


def decide(spec: TaskSpec, scores: Sequence[ItemScore], best: Sequence[ItemScore]) -> Decision:
    """Accept exactly if the whole interval of the difference to the best lies on the better side of zero."""
    gap = difference(spec, scores, best)
    accepted = gap.low > 0 if spec.higher_is_better else gap.high < 0
    verdict = "better than the best so far" if accepted else "not shown to be better than the best so far"
    reason = f"{verdict}: difference {gap.value:+.1f}, 95 % interval [{gap.low:+.1f}, {gap.high:+.1f}]"
    return Decision(accepted=accepted, difference=gap, reason=reason)
