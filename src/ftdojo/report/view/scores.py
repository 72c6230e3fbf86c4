"""The scores on validation and test: base model, best model, and what needs no training."""

from __future__ import annotations

from collections.abc import Sequence

from ftdojo.contract.result import TRIVIAL_NAMES, Score, TrivialAnswers
from ftdojo.plain import plural
from ftdojo.report import text
from ftdojo.report.view.parts import ScoreRow


def score_rows(
    validation: tuple[Score, Score] | None,
    test: tuple[Score, Score] | None,
    best: int,
    trivial: tuple[TrivialAnswers | None, TrivialAnswers | None],
) -> list[ScoreRow]:
    """Return a row for every model and every trivial answer; none while nothing is measured.

    Args:
        validation: base and best model on validation.
        test: base and best model on test.
        best: number of the best iteration.
        trivial: what needs no training, on validation and on test.
    """
    if validation is None:
        return []
    items = validation[0].n, test[0].n if test else None

    def row(label: str, on_validation: Score | None, on_test: Score | None, *, best: bool = False) -> ScoreRow:
        return ScoreRow(label, [_shown(on_validation, items[0]), _shown(on_test, items[1])], best)

    rows = [row("base model", validation[0], test[0] if test else None)]
    if best:
        rows.append(row(f"iteration {best}, the best", validation[1], test[1] if test else None, best=True))
    return rows + [row(*scores) for scores in text.trivial_scores(*trivial)]


def _shown(score: Score | None, items: int | None) -> str:
    """A score; with the number of items if only a part of them was asked."""
    if score is None:
        return ""
    return text.score(score) + (f", {plural(score.n, 'item')}" if score.n != items else "")


def score_lines(trivial: TrivialAnswers | None) -> Sequence[tuple[str, float]]:
    """Return names and values for the plot."""
    return [(TRIVIAL_NAMES[name], score.value) for name, score in trivial.distinct.items()] if trivial else []
