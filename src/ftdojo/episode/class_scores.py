"""How many items of each class are answered rightly, where the task is a classification."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ftdojo.contract.result import ClassScore
from ftdojo.contract.task_spec import Record
from ftdojo.plain import replace_surrogates
from ftdojo.tasks.spec import ItemScore, Task

MOST = 20
"""More classes than these are no classification, and no table that is read."""
EACH = 3
"""A classification has at least as many items a class, on average."""
CHARS = 80
"""Characters of an answer; longer ones are cut."""


def count_classes(task: Task, items: Sequence[Record], verdicts: Mapping[str, Sequence[ItemScore]]) -> list[ClassScore]:
    """Return the classes, the largest first; none if the task is no classification.

    Args:
        task: supplies right answers.
        items: the test items.
        verdicts: name of a model, or of what needs no training -> a verdict on each item.
    """
    golds = [task.scorer.gold(item) for item in items]
    counts = Counter(golds)
    graded = any(verdict.score not in (0.0, 1.0) for found in verdicts.values() for verdict in found)
    if graded or not 2 <= len(counts) <= MOST or len(golds) < EACH * len(counts):
        return []
    right = {
        name: Counter(gold for gold, verdict in zip(golds, found, strict=True) if verdict.score)
        for name, found in verdicts.items()
    }
    ranked = sorted(counts, key=lambda gold: (-counts[gold], gold))
    return [
        ClassScore(answer=_cut(gold), items=counts[gold], right={name: found[gold] for name, found in right.items()})
        for gold in ranked
    ]


def _cut(text: str) -> str:
    return replace_surrogates(text if len(text) <= CHARS else f"{text[:CHARS]} …")
