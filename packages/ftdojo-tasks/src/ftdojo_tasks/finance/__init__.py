"""FinanceIQ: multiple-choice questions of Chinese financial examinations."""

from __future__ import annotations

from ftdojo.tasks.spec import Task, Variant
from ftdojo_tasks import golden
from ftdojo_tasks.finance import financeiq, hub, twin


def tasks() -> tuple[Task, ...]:
    """The tasks of this family."""
    return golden.versioned(
        __name__,
        (
            Task(
                spec=financeiq.SPEC,
                prompt=financeiq.prompt,
                scorer=financeiq.FinanceIQScorer(),
                variants={
                    "twin": Variant(build=twin.build, max_new_tokens=16),
                    "hub": Variant(build=hub.build, sets=(financeiq.FINANCEIQ,)),
                },
            ),
        ),
    )
