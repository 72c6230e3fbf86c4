"""Scorers of running text and of sets: known values, and those of the libraries that define them."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.tasks import answers, scorers, text_scorers
from ftdojo.tasks.spec import Scorer

SETS = partial(text_scorers.labels, choices=(), metric="item_f1")


def make(name: str, metric: str, **setup: Any) -> Scorer:
    plugin = scorers.SCORERS.load(name)
    given = scorers.ScorerSetup(
        metric=metric, gold=lambda item: item["gold"], subtask=lambda item: item.get("subtask", ""), **setup
    )
    return plugin.create(given)


@pytest.mark.parametrize(
    ("gold", "output", "score"),
    [
        ("The Eiffel Tower", "eiffel tower!", 1.0),
        ("Eiffel Tower", "the tower of Pisa", 2 / 5),
        ("the", "the", 1.0),
        ("北京", "北京。", 1.0),
        ("Paris", "", 0.0),
        ("Paris", "<think>Rome</think> Paris", 1.0),
    ],
)
def test_shared_words(gold: str, output: str, score: float) -> None:
    assert text_scorers.tokens(gold, output).score == pytest.approx(score)


@pytest.mark.parametrize(("output", "score"), [("A", 1.0), ("the A", 2 / 3), ("B", 0.0), ("", 0.0)])
def test_an_article_counts_where_it_is_the_whole_answer(output: str, score: float) -> None:
    """The letter A of a choice is one."""
    verdict = text_scorers.tokens("A", output)
    assert verdict.score == pytest.approx(score)
    assert verdict.metrics["exact_match"] == float(output == "A")


def test_rouge_is_that_of_the_package_and_reads_other_scripts() -> None:
    package = pytest.importorskip("rouge_score.rouge_scorer")
    gold, output = "the cat sat on the mat today", "a cat sat on a mat"
    expected = package.RougeScorer(["rougeL", "rouge1"]).score(gold, output)
    verdict = text_scorers.rouge(gold, output, metric="rouge_l")
    assert verdict.score == pytest.approx(expected["rougeL"].fmeasure)
    assert verdict.metrics["rouge_1"] == pytest.approx(expected["rouge1"].fmeasure)
    assert text_scorers.rouge("猫在垫子上", "猫在垫子上", metric="rouge_l").score == 1.0  # the package's own words: 0


def test_bleu_and_chrf_are_those_of_sacrebleu() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    golds = ["The cat sat on the mat.", "It is raining cats and dogs today.", "Good morning to all of you"]
    outputs = ["The cat sat on a mat.", "It rains cats and dogs today.", "Good morning to you all"]
    items = [{"id": i, "gold": gold} for i, gold in enumerate(golds)]
    bleu = make("translation", "bleu")
    scores = bleu.score(items, outputs)
    assert bleu.value(scores) == pytest.approx(sacrebleu.corpus_bleu(outputs, [golds]).score)
    by_item = [sacrebleu.sentence_chrf(o, [g]).score for o, g in zip(outputs, golds, strict=True)]
    assert bleu.metrics(scores)["chrf"] == pytest.approx(sum(by_item) / 3)
    assert bleu.value(bleu.score(items, golds)) == 100.0
    assert bleu.value(bleu.score(items, [""] * 3)) == 0.0


@pytest.mark.parametrize(
    ("gold", "output", "score"),
    [
        ('["a", "b"]', "B, a", 1.0),
        ('["a", "b"]', '```json\n["A"]\n```', 2 / 3),
        ("a; b", '{"labels": ["b", "c"]}', 0.5),
        ("[]", "none", 1.0),
        ("[]", "a", 0.0),
        ("a", "", 0.0),
        ("New York", "- new york", 1.0),
    ],
)
def test_sets_of_labels(gold: str, output: str, score: float) -> None:
    assert SETS(gold, output).score == pytest.approx(score)


def test_micro_f1_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    names = ["a", "b", "c"]
    golds, outputs = [["a"], ["a", "b"], ["c"], []], [["a", "b"], ["b"], ["c"], ["a"]]
    items = [{"id": i, "gold": ",".join(gold) or "none"} for i, gold in enumerate(golds)]
    made = make("labels", "micro_f1", choices=tuple(names))
    scores = made.score(items, [", ".join(output) for output in outputs])
    table = [[[int(name in row) for name in names] for row in rows] for rows in (golds, outputs)]
    assert made.value(scores) == pytest.approx(100 * metrics.f1_score(*table, average="micro"))
    assert made.metrics(scores)["exact_match"] == 25.0


def test_a_label_that_is_no_choice_is_a_faulty_gold_answer() -> None:
    with pytest.raises(ValueError, match="none of the choices"):
        text_scorers.labels("a, d", "a", choices=("a", "b"), metric="item_f1")


JUDGES: dict[str, answers.Judge] = {
    "tokens": text_scorers.tokens,
    "rouge": partial(text_scorers.rouge, metric="rouge_l"),
    "translation": text_scorers.translation,
    "labels": SETS,
}


@pytest.mark.parametrize("name", JUDGES)
@given(output=st.text())
def test_any_text_is_judged(name: str, output: str) -> None:
    pytest.importorskip("sacrebleu")
    assert 0.0 <= JUDGES[name]("a cat", output).score <= 1.0


@pytest.mark.parametrize("name", ["tokens", "rouge", "labels"])
def test_hostile_outputs_are_judged_within_seconds(name: str, hostile: str) -> None:
    JUDGES[name]("a cat", "a")
    start = time.process_time()
    JUDGES[name]("a cat", hostile)
    assert time.process_time() - start < 3.0
