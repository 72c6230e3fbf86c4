"""The scores on validation and test: base model, best model, and what needs no training."""

from __future__ import annotations

from collections.abc import Sequence

from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import TRIVIAL_NAMES, Score, TrivialAnswers
from ftdojo.record.events import BaselineMeasured
from ftdojo.report import text
from ftdojo.report.view.parts import GuardRow, ScoreRow


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
        return ScoreRow(label, [text.score_of(on_validation, items[0]), text.score_of(on_test, items[1])], best)

    rows = [row("base model", validation[0], test[0] if test else None)]
    if best:
        rows.append(row(f"iteration {best}, the best", validation[1], test[1] if test else None, best=True))
    return rows + [row(*scores) for scores in text.trivial_scores(*trivial)]


def guard_rows(base: BaselineMeasured | None, best: Iteration | None) -> list[GuardRow]:
    """Return a row for every guard task.

    Args:
        base: what was measured of the base model, once it was.
        best: the best iteration; ``None`` if the base model is the best.
    """
    if base is None:
        return []
    kept, rows = {score.task: score for score in best.result().guard} if best else {}, []
    for task, score in base.guard.items():
        ours, easy = kept.get(task), base.guard_trivial.get(task)
        rows.append(
            GuardRow(
                task=task,
                base=text.score(score),
                best=text.score(ours.model) if ours else "",
                difference=text.guarded(ours) if ours else "",
                without_training=[(words, text.score_of(one, score.n)) for words, one in text.without_training(easy)],
                warning=easy.warning(task) if easy else "",
            )
        )
    return rows


def score_lines(trivial: TrivialAnswers | None) -> Sequence[tuple[str, float]]:
    """Return names and values for the plot."""
    return [(TRIVIAL_NAMES[name], score.value) for name, score in trivial.distinct.items()] if trivial else []
