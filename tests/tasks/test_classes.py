"""The scorer of choices: accuracy, macro-F1 as scikit-learn has it, F1 by class, the confusion matrix."""

from __future__ import annotations

import random
from functools import partial

import pytest

from ftdojo.tasks import answers
from ftdojo.tasks.classes import ClassScorer

CHOICES = ("ham", "spam", "Not Sure")


def scorer(metric: str) -> ClassScorer:
    judge = partial(answers.choice, choices=CHOICES)
    return ClassScorer(judge, lambda item: item["gold"], lambda item: "", choices=CHOICES, metric=metric)


def test_macro_f1_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = random.Random(0)
    golds = [rng.choice(CHOICES) for _ in range(60)]
    outputs = [rng.choice([*CHOICES, "?"]) for _ in golds]
    items = [{"id": i, "gold": gold} for i, gold in enumerate(golds)]
    made = scorer("macro_f1")
    scores = made.score(items, outputs)
    expected = metrics.f1_score(golds, outputs, labels=list(CHOICES), average=None)
    assert made.value(scores) == pytest.approx(100 * expected.mean())
    found = made.metrics(scores)
    assert [found[f"f1: {name}"] for name in CHOICES] == pytest.approx(list(100 * expected))
    assert found["accuracy"] == pytest.approx(100 * metrics.accuracy_score(golds, outputs))
    assert sum(value for name, value in found.items() if name.startswith("confusion: ")) == len(golds)


def test_the_confusion_matrix_has_outputs_without_a_choice() -> None:
    items = [{"id": i, "gold": gold} for i, gold in enumerate(["ham", "NOT sure", "spam"])]
    made = scorer("accuracy")
    found = made.metrics(made.score(items, ["spam", "not  sure", "?"]))
    cells = {name for name in found if name.startswith("confusion: ")}
    assert cells == {"confusion: ham → spam", "confusion: Not Sure → Not Sure", "confusion: spam → (none)"}
    assert made.value(made.score(items, ["spam", "not sure", "?"])) == pytest.approx(100 / 3)
