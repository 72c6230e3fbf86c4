"""An iteration in the table: its plan and its outcome, on one line."""

from __future__ import annotations

from ftdojo.contract.protocol import Iteration
from ftdojo.record.state import name_outcome
from ftdojo.report import text
from ftdojo.report.view.parts import Row, Some


def reason(iteration: Iteration) -> str:
    """Return the reason without the numbers, which have their own column."""
    if iteration.decision is not None:
        return iteration.decision.reason.partition(":")[0]
    errors = [f for f in iteration.feedback.execution.findings if f.severity == "error"]
    return f"gate {errors[0].gate}, {errors[0].code}: {errors[0].message}" if errors else "not evaluated"


def row(iteration: Iteration, metric: str, *, detailed: bool) -> Row:
    """Return the table row of an iteration."""
    return Row(
        number=iteration.number,
        hypothesis=iteration.plan.hypothesis if iteration.plan else "the plan could not be read",
        changes=Some.of(iteration.plan.changes if iteration.plan else [], 3),
        score=text.score(iteration.score) if iteration.score else "",
        difference=text.difference(iteration.decision.difference, metric) if iteration.decision else "",
        status=name_outcome(iteration),
        reason=reason(iteration),
        duration=text.duration(iteration.feedback.execution.seconds.total),
        detailed=detailed,
    )
