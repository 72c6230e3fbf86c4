"""Base classes of most scorers: every output is judged on its own, and the core metric is a mean of the verdicts.

A gold answer that cannot be read is a fault of the item and not of the file: the item scores 0 for every output, as in
the reference harnesses, with the error ``bad_gold``, and the metric ``unreadable_gold`` counts such items.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ftdojo.contract.task_spec import Record
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.tasks.aggregate import parsed_percent, subtask_mean, unreadable_gold
from ftdojo.tasks.spec import BAD_GOLD, ItemScore


class MeanScorer:
    """The aggregation of a scorer whose core metric is the mean item score."""

    __slots__ = ()

    def value(self, scores: Sequence[ItemScore]) -> float:
        """Return the mean over sub-tasks of the mean score of their items, in per cent."""
        return 100.0 * subtask_mean(scores, lambda s: s.score)

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """Return the share of outputs in which an answer of the right form was found, in per cent."""
        return form_metrics(scores)


class ItemwiseScorer(MeanScorer, ABC):
    """A :class:`~ftdojo.tasks.spec.Scorer` that judges one output at a time."""

    __slots__ = ()

    def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
        """Return one verdict per item, in order.

        Raises:
            InputError: those of :meth:`score_item` but for :class:`UnreadableGoldError`.
        """
        return [self._verdict(item, output) for item, output in zip(items, outputs, strict=True)]

    def _verdict(self, item: Record, output: str) -> ItemScore:
        try:
            return self.score_item(item, output)
        except UnreadableGoldError:
            subtask = str(item.get("subtask") or "")
            return ItemScore(
                id=str(item["id"]), subtask=subtask, score=0.0, parsed=bool(output.strip()), error=BAD_GOLD
            )

    @abstractmethod
    def score_item(self, item: Record, output: str) -> ItemScore:
        """Return the verdict on one output.

        Raises:
            UnreadableGoldError: if the gold answer of the item cannot be read.
            InputError: if the item does not belong to this task.
        """

    @abstractmethod
    def gold(self, item: Record) -> str:
        """Return an output with the best score.

        Raises:
            UnreadableGoldError: if the gold answer of the item cannot be read.
        """


def fault(output: str, *, parsed: bool) -> str:
    """Return the error class of an output: ``wrong``, or without an answer ``format``, or ``empty`` if it is blank."""
    return "wrong" if parsed else "format" if output.strip() else "empty"


def form_metrics(scores: Sequence[ItemScore]) -> dict[str, float]:
    """Return the metrics that every scorer has: ``parsed`` (per cent), and, where there is any, the number of items
    whose gold answer cannot be read (``unreadable_gold``)."""
    return {"parsed": parsed_percent(scores)} | unreadable_gold(scores)


class UnreadableGoldError(InputError):
    """The gold answer of an item cannot be read, so no output is right."""


def bad_gold(item: Record, message: str, fix: str) -> UnreadableGoldError:
    """Return the error for an item whose gold answer cannot be read."""
    where = f"item {item.get('id')}"
    return UnreadableGoldError([Finding(code=BAD_GOLD, gate=0, message=message, where=where, fix=fix)])


def bad_item(item: Record, message: str, fix: str) -> InputError:
    """Return the error for an item that cannot be scored."""
    where = f"item {item.get('id')}"
    return InputError([Finding(code="bad_item", gate=0, message=message, where=where, fix=fix)])
