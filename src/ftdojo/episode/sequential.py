"""When an evaluation may stop early: the order of the validation items, and what is decided after a part of them.

Only rejections come early. A model that is accepted has answered all items, and :mod:`ftdojo.episode.acceptance`
decides on it, so no more models are accepted wrongly than by complete evaluations. The price is bounded: a submission
that a complete evaluation would accept is stopped with a probability of at most
:data:`ftdojo.stats.sequential.ALPHA`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ftdojo import digest
from ftdojo.contract.task_spec import Record
from ftdojo.stats import Comparison, interleave, is_futile, looks
from ftdojo.tasks.spec import ItemScore, Task


@dataclass(frozen=True)
class Schedule:
    """The order in which items are answered, and the sizes of the parts. The same for all submissions of a task."""

    order: tuple[int, ...]
    """Positions of the items in their file."""
    looks: tuple[int, ...]
    """Numbers of answered items, ascending, after which the evaluation may stop; the last one is all of them."""

    @classmethod
    def of(cls, items: Sequence[Record]) -> Schedule:
        """Return the schedule of these items."""
        order = interleave([str(item.get("subtask", "")) for item in items])
        return cls(tuple(order), tuple(looks(len(items))))

    def part(self, answered: int) -> list[int]:
        """Return the positions of the first ``answered`` items of the order, in the order of their file."""
        return sorted(self.order[:answered])

    @cached_property
    def identities(self) -> dict[int, str]:
        """Look -> digest of which items are answered until then, and in which parts."""
        return {
            size: digest.of_value([list(self.looks[: i + 1]), list(self.order[:size])])
            for i, size in enumerate(self.looks)
        }


def schedule_for(task: Task, items: Sequence[Record], *, sequential: bool) -> Schedule | None:
    """Return in which parts submissions answer the items; ``None`` if all at once: because the run says so, or because
    the metric is one of the set as a whole and has no scores of items."""
    return Schedule.of(items) if sequential and not task.spec.pooled else None


def is_clear(task: Task, schedule: Schedule, scores: Sequence[ItemScore], reference: Sequence[ItemScore]) -> bool:
    """Return whether it is clear that a complete evaluation would not accept the model.

    Args:
        task: says which scores are better.
        schedule: of the items.
        scores: verdicts on ``schedule.part(len(scores))``.
        reference: verdicts of the best model on all items, in the order of their file.
    """
    order = schedule.order
    new = dict(zip(schedule.part(len(scores)), scores, strict=True))
    sign = 1.0 if task.spec.higher_is_better else -1.0
    known = [reference[i].score for i in order]
    return is_futile(
        Comparison(
            differences=[sign * (new[i].score - reference[i].score) for i in order[: len(scores)]],
            reference=known if sign > 0 else [1.0 - score for score in known],
            strata=[reference[i].subtask for i in order],
        )
    )
