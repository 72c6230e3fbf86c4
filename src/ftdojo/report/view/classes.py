"""The test items of each class of a classification: how many of them a model answers rightly."""

from __future__ import annotations

from collections.abc import Sequence

from ftdojo.contract.result import TRIVIAL_NAMES, ClassScore, Score, TrivialAnswers
from ftdojo.report import text
from ftdojo.report.view.parts import ClassRow, ClassTable
from ftdojo.stats import stratified_mean


def class_table(classes: Sequence[ClassScore], best: int, trivial: TrivialAnswers | None) -> ClassTable | None:
    """Return a row for each class; ``None`` if the task is no classification.

    Args:
        classes: as recorded. Older builds did not count what needs no training.
        best: number of the best iteration; 0 is the base model, which then has one column.
        trivial: what needs no training, on test.
    """
    if not classes:
        return None
    names = {"baseline": "base model", **({"best": f"iteration {best}"} if best else {})}
    names |= {key: TRIVIAL_NAMES[key] for key in trivial.distinct} if trivial else {}
    known = {key: name for key, name in names.items() if all(key in row.right for row in classes)}
    rows = [
        ClassRow(row.answer, row.items, [text.score(_share(row.right[key], row.items)) for key in known])
        for row in classes
    ]
    return ClassTable(list(known.values()), rows)


def _share(right: int, items: int) -> Score:
    """The share of the items that are answered rightly, in per cent."""
    answered = [1.0] * right + [0.0] * (items - right)
    return Score.of("accuracy", stratified_mean(answered, [""] * items).scaled(100))
