"""Base classes of most scorers: every output is judged on its own, and the core metric is a mean of the verdicts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ftdojo.contract.task_spec import Record
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.tasks.aggregate import parsed_percent, subtask_mean
from ftdojo.tasks.spec import ItemScore


class MeanScorer:
    """The aggregation of a scorer whose core metric is the mean item score."""

    __slots__ = ()

    def value(self, scores: Sequence[ItemScore]) -> float:
        """Return the mean over sub-tasks of the mean score of their items, in per cent."""
        return 100.0 * subtask_mean(scores, lambda s: s.score)

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """Return the share of outputs in which an answer of the right form was found, in per cent."""
        return {"parsed": parsed_percent(scores)}


class ItemwiseScorer(MeanScorer, ABC):
    """A :class:`~ftdojo.tasks.spec.Scorer` that judges one output at a time."""

    __slots__ = ()

    def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
        """Return one verdict per item, in order. Raises the errors of :meth:`score_item`."""
        return [self.score_item(item, output) for item, output in zip(items, outputs, strict=True)]

    @abstractmethod
    def score_item(self, item: Record, output: str) -> ItemScore:
        """Return the verdict on one output.

        Raises:
            InputError: if the item does not belong to this task.
        """

    @abstractmethod
    def gold(self, item: Record) -> str:
        """Return an output with the best score."""


def fault(output: str, *, parsed: bool) -> str:
    """Return the error class of an output: ``wrong``, or without an answer ``format``, or ``empty`` if it is blank."""
    return "wrong" if parsed else "format" if output.strip() else "empty"


def bad_item(item: Record, message: str, fix: str) -> InputError:
    """Return the error for an item that cannot be scored."""
    where = f"item {item.get('id')}"
    return InputError([Finding(code="bad_item", gate=0, message=message, where=where, fix=fix)])
