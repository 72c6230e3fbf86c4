"""The scorer of ``choice``: one of a few classes, with F1 by class, its mean, and the confusion matrix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ftdojo.contract.task_spec import Record
from ftdojo.tasks import answers
from ftdojo.tasks.itemwise import form_metrics
from ftdojo.tasks.spec import ItemScore

NONE = "(none)"
"""The class of an output without a choice; it is not averaged over."""
MOST_SHOWN = 20
"""Classes up to which F1 by class and the confusion matrix are among the metrics."""


@dataclass(frozen=True, slots=True)
class ClassScorer(answers.AnswerScorer):
    """Scores choices. The core metric is ``accuracy`` or ``macro_f1``; the other one is among the metrics.

    ``macro_f1`` is the mean of F1, in per cent, over the classes that occur as a gold answer or as an output. Without
    sub-tasks it is that of scikit-learn's ``f1_score(average="macro")`` over those classes.
    """

    choices: Sequence[str] = ()
    metric: str = "accuracy"

    def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
        """Return one verdict per item; its metrics say which class was given for which.

        Raises:
            InputError: naming the items whose gold text is none of the choices.
        """
        verdicts = answers.AnswerScorer.score(self, items, outputs)
        return [
            self._with_classes(item, output, verdict)
            for item, output, verdict in zip(items, outputs, verdicts, strict=True)
        ]

    def _with_classes(self, item: Record, output: str, verdict: ItemScore) -> ItemScore:
        given = answers.chosen(output, self.choices)
        # Of several right answers, the one that was given.
        gold = given if verdict.score == 1.0 and given else self.gold(item)
        return ItemScore(
            id=verdict.id,
            subtask=verdict.subtask,
            score=verdict.score,
            parsed=verdict.parsed,
            error=verdict.error,
            metrics={_cell(self._name(gold), given or NONE): 1.0},
        )

    def _name(self, gold: str) -> str:
        return next(choice for choice in self.choices if answers.same_text(choice, gold))

    def value(self, scores: Sequence[ItemScore]) -> float:
        """Return the core metric over ``scores``, in per cent."""
        return self._macro_f1(scores) if self.metric == "macro_f1" else answers.AnswerScorer.value(self, scores)

    def _macro_f1(self, scores: Sequence[ItemScore]) -> float:
        return 100.0 * fmean(self._f1(scores).values())

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """Return the other core metric, F1 by class in per cent, and the cells of the confusion matrix in items."""
        other = (
            {"accuracy": answers.AnswerScorer.value(self, scores)}
            if self.metric == "macro_f1"
            else {"macro_f1": self._macro_f1(scores)}
        )
        found = other | form_metrics(scores)
        if len(self.choices) <= MOST_SHOWN:
            found |= {f"f1: {name}": 100.0 * value for name, value in self._f1(scores).items()}
            found |= {f"confusion: {cell}": float(count) for cell, count in sorted(_cells(scores).items())}
        return found

    def _f1(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """Return F1, 0 to 1, of each class that occurs."""
        cells = {tuple(cell.split(ARROW)): count for cell, count in _cells(scores).items()}
        found = {}
        for name in self.choices:
            right = cells.get((name, name), 0)
            of_gold = sum(count for (gold, _), count in cells.items() if gold == name)
            of_given = sum(count for (_, given), count in cells.items() if given == name)
            if of_gold or of_given:
                found[name] = 2 * right / (of_gold + of_given)
        return found or {NONE: 0.0}


ARROW = " → "


def gold_class(verdict: ItemScore) -> str:
    """Return the class of the right answer of a verdict of :class:`ClassScorer`; empty for one of another scorer."""
    cells = [name for name in verdict.metrics if ARROW in name]
    return cells[0].partition(ARROW)[0] if cells else ""


def _cell(gold: str, given: str) -> str:
    return f"{gold}{ARROW}{given}"


def _cells(scores: Sequence[ItemScore]) -> Mapping[str, int]:
    return Counter(cell for score in scores for cell in score.metrics)
