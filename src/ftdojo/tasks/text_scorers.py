"""Scorers of running text and of sets, for a user's own task: ``tokens``, ``rouge``, ``translation`` and ``labels``.

ROUGE is that of the package ``rouge-score``, BLEU and chrF are those of ``sacrebleu``; both are in the extra
``metrics``. Texts are cut at :data:`MAX_WORDS` words, because ROUGE-L takes the product of the lengths in time.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from ftdojo.errors import PrerequisiteError
from ftdojo.extras import install_command
from ftdojo.tasks.aggregate import subtask_mean
from ftdojo.tasks.answers import UNSPACED_RANGES, AnswerScorer, Verdict, normalized
from ftdojo.tasks.extract import drop_thinking, json_value, scalar_text
from ftdojo.tasks.itemwise import form_metrics
from ftdojo.tasks.spec import ItemScore

MAX_WORDS = 2000
WORD = re.compile(rf"[{UNSPACED_RANGES}]|[^\W{UNSPACED_RANGES}]+")
"""A word, or a letter of a script without blanks between words."""
ARTICLES = frozenset({"a", "an", "the"})


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, without marks; of scripts without blanks, the letters."""
    return WORD.findall(text.casefold())[:MAX_WORDS]


def tokens(gold: str, output: str) -> Verdict:
    """Judge an output by the words that it shares with gold: F1 as in SQuAD (arXiv 1606.05250), without articles.

    Articles count where gold has no other word, as the letter A of a choice. ``exact_match`` is whether both have the
    same words in the same order.

    Raises:
        ValueError: if gold has no words.
    """
    passed_over: frozenset[str] = frozenset() if ARTICLES.issuperset(words(gold)) else ARTICLES
    a, b = ([word for word in words(text) if word not in passed_over] for text in (gold, drop_thinking(output)))
    if not a:
        raise ValueError("has no words")
    shared = sum((Counter(a) & Counter(b)).values())
    return Verdict(2 * shared / (len(a) + len(b)), parsed=bool(b), metrics={"exact_match": float(a == b)})


def rouge(gold: str, output: str, *, metric: str) -> Verdict:
    """Judge an output by ROUGE against gold: the F-scores ``rouge_1``, ``rouge_2`` and ``rouge_l``, without stemming.

    Raises:
        ValueError: if gold has no words.
        PrerequisiteError: if rouge-score is not installed.
    """
    if not words(gold):
        raise ValueError("has no words")
    given = drop_thinking(output)
    found = _rouge_scorer().score(gold, given)
    values = {name: min(1.0, float(found[key].fmeasure)) for name, key in ROUGES.items()}
    return Verdict(values.pop(metric), parsed=bool(words(given)), metrics=values)


ROUGES = {"rouge_l": "rougeL", "rouge_1": "rouge1", "rouge_2": "rouge2"}


class _Words:
    """A tokenizer of rouge-score: its own one drops every letter that is not a to z."""

    def tokenize(self, text: str) -> list[str]:
        """Return the words of a text."""
        return words(text)


@cache
def _rouge_scorer() -> Any:
    return _library("rouge_score.rouge_scorer").RougeScorer(list(ROUGES.values()), tokenizer=_Words())


def translation(gold: str, output: str) -> Verdict:
    """Judge an output by chrF against gold, 0 to 1, and keep the counts from which BLEU is computed.

    Raises:
        ValueError: if gold is blank.
        PrerequisiteError: if sacrebleu is not installed.
    """
    if not gold.strip():
        raise ValueError("is blank")
    given = drop_thinking(output)
    found = _bleu().sentence_score(given, [gold])
    counts = {f"bleu.right{n}": float(value) for n, value in enumerate(found.counts, start=1)}
    counts |= {f"bleu.all{n}": float(value) for n, value in enumerate(found.totals, start=1)}
    counts |= {"bleu.given": float(found.sys_len), "bleu.gold": float(found.ref_len)}
    chrf = float(_library("sacrebleu").CHRF().sentence_score(given, [gold]).score) / 100.0
    return Verdict(min(1.0, chrf), parsed=bool(given), metrics=counts)


@cache
def _bleu() -> Any:
    return _library("sacrebleu").BLEU(effective_order=True)


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise PrerequisiteError(
            f"the scorer needs the package {error.name}, which is not installed", fix=install_command("metrics")
        ) from None


@dataclass(frozen=True, slots=True)
class TranslationScorer(AnswerScorer):
    """BLEU over all items together, as sacrebleu computes it (0 to 100), and chrF as a mean over items (0 to 100)."""

    metric: str = "bleu"

    def value(self, scores: Sequence[ItemScore]) -> float:
        """Return the core metric over ``scores``."""
        return _corpus_bleu(scores) if self.metric == "bleu" else _chrf(scores)

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """Return the other core metric, and the share of outputs that are not blank, in per cent."""
        other = {"chrf": _chrf(scores)} if self.metric == "bleu" else {"bleu": _corpus_bleu(scores)}
        return other | form_metrics(scores)


def _chrf(scores: Sequence[ItemScore]) -> float:
    return 100.0 * subtask_mean(scores, lambda score: score.score)


def _corpus_bleu(scores: Sequence[ItemScore]) -> float:
    def total(name: str) -> int:
        return int(sum(score.metrics[f"bleu.{name}"] for score in scores))

    right, every = ([total(f"{name}{n}") for n in range(1, 5)] for name in ("right", "all"))
    bleu = _library("sacrebleu").BLEU.compute_bleu(right, every, total("given"), total("gold"))
    return min(100.0, float(bleu.score))


def labels(gold: str, output: str, *, choices: Sequence[str], metric: str) -> Verdict:
    """Judge a set of labels: F1 of the item (``item_f1``), or whether the sets are equal (``exact_match``).

    Both are a JSON list of texts, or texts separated by commas, semicolons or line breaks, in any order and case. With
    ``choices``, gold labels must be of them, and other labels of an output count as wrong ones.

    Raises:
        ValueError: if gold is no set of labels, or has one that is none of the choices.
    """
    expected, given = label_set(gold), label_set(drop_thinking(output))
    if expected is None:
        raise ValueError("is no list of labels")
    known = {normalized(choice) for choice in choices}
    if unknown := sorted(expected - known) if known else []:
        raise ValueError(f"has '{unknown[0]}', which is none of the choices {', '.join(choices)}")
    right = len(expected & (given or set()))
    wrong, missed = len((given or set()) - expected), len(expected) - right
    same = given == expected
    f1 = 2 * right / (2 * right + wrong + missed) if right else float(same)
    values = {"item_f1": f1, "exact_match": float(same)}
    counts = {"labels.right": float(right), "labels.wrong": float(wrong), "labels.missed": float(missed)}
    score = values.pop("item_f1" if metric == "micro_f1" else metric)
    return Verdict(score, parsed=given is not None, metrics=values | counts)


def label_set(text: str) -> set[str] | None:
    """Return the labels in a text, normalized; ``None`` for a blank text. ``[]``, ``none`` and ``-`` are no labels."""
    if not text.strip():
        return None
    value = json_value(text)
    if isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    parts = [scalar_text(part) for part in value] if isinstance(value, list) else re.split(r"[,;\n]", text)
    found = {normalized(part.strip(string.whitespace + "\"'`.-*•[]")) for part in parts}
    return found - {"", "none"}


@dataclass(frozen=True, slots=True)
class LabelScorer(AnswerScorer):
    """Sets of labels; ``micro_f1`` is F1 over the labels of all items together, in per cent."""

    metric: str = "micro_f1"

    def value(self, scores: Sequence[ItemScore]) -> float:
        """Return the core metric over ``scores``, in per cent."""
        return _micro_f1(scores) if self.metric == "micro_f1" else AnswerScorer.value(self, scores)

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """Return the other metrics, in per cent."""
        names = [name for name in scores[0].metrics if not name.startswith("labels.")]
        found = {name: 100.0 * subtask_mean(scores, lambda s, name=name: s.metrics[name]) for name in names}  # type: ignore[misc]
        if self.metric != "micro_f1":
            found["micro_f1"] = _micro_f1(scores)
        return found | form_metrics(scores)


def _micro_f1(scores: Sequence[ItemScore]) -> float:
    right, wrong, missed = (
        sum(score.metrics[f"labels.{name}"] for score in scores) for name in ("right", "wrong", "missed")
    )
    return 100.0 * 2 * right / (2 * right + wrong + missed) if right else 0.0
