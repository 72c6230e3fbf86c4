"""The built-in scorers for a user's own task: ``exact``, ``json``, ``number`` and ``choice``.

Each is a pure function of a gold text and an output. Gold texts are read strictly, outputs tolerantly. Complete
``<think>…</think>`` blocks are removed from outputs. An item can have several right answers: the best verdict counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from ftdojo.contract.task_spec import Record
from ftdojo.errors import InputError
from ftdojo.findings import Finding
from ftdojo.tasks.aggregate import parsed_percent, subtask_mean
from ftdojo.tasks.extract import drop_thinking, json_object
from ftdojo.tasks.itemwise import MeanScorer
from ftdojo.tasks.letters import find_letter
from ftdojo.tasks.numbers import Number, first_number, gold_number
from ftdojo.tasks.rows import MAX_FINDINGS
from ftdojo.tasks.spec import ItemScore

UNSPACED_RANGES = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
UNSPACED = re.compile(f"[{UNSPACED_RANGES}]")
"""A letter of a script without blanks between words: Thai, Lao, Burmese, Khmer, Japanese kana, Chinese characters."""
SPACED = rf"[^\W{UNSPACED_RANGES}]"
"""A letter, digit or underscore of another script, as a pattern."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judge's verdict on one output."""

    score: float
    """0 to 1; of errors, which are better lower, 0 or more."""
    parsed: bool
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Further values from 0 to 1, the same names for every output."""


Judge = Callable[[str, str], Verdict]
"""Gold text and output to verdict. Raises ``ValueError`` for a gold text that is not of the judge's form."""


def exact(gold: str, output: str) -> Verdict:
    """Judge an output as right if it equals the gold text, ignoring case and white space."""
    given = normalized(drop_thinking(output))
    return Verdict(float(given == normalized(gold)), parsed=bool(given))


def json_fields(gold: str, output: str, *, metric: str, weights: Mapping[str, float] | None = None) -> Verdict:
    """Compare the fields of the gold object: the score is 1 if all are equal, or with ``field_accuracy`` their share.

    With ``weights``, a field counts as often as its weight says in that share; one without a weight counts once, and
    one of weight 0 is not compared.

    Text is compared ignoring case and white space, numbers by value; further keys in the output are ignored.
    """
    expected = json.loads(gold)
    if not (isinstance(expected, dict) and expected):
        raise ValueError("is not a JSON object with at least one field")
    given = json_object(output)
    weighed = {key: (weights or {}).get(key, 1.0) for key in expected}
    if not any(weighed.values()):
        raise ValueError("has only fields of weight 0")
    right = {
        key: _same(expected[key], (given or {}).get(key)) and key in (given or {}) for key in expected if weighed[key]
    }
    values = {
        "accuracy": float(all(right.values())),
        "field_accuracy": fmean(right.values(), [weighed[key] for key in right]),
    }
    score = values.pop(metric)
    return Verdict(score, parsed=given is not None, metrics=values | {"valid_json": float(given is not None)})


def number(gold: str, output: str, *, tolerance: float, absolute: float = 0.0) -> Verdict:
    """Judge an output as right if its first number differs from gold by at most ``tolerance`` times gold.

    Or by at most ``absolute``, if that is more.

    Numbers are read as :mod:`ftdojo.tasks.numbers` says; units are not compared. A fraction in an output is read as its
    value if gold has decimals or is a fraction itself; else ``5/10`` is 5.

    Raises:
        ValueError: if gold is not wholly one number, with or without a unit.
    """
    expected, given = _two_numbers(gold, output)
    allowed = max(absolute, tolerance * abs(float(expected.value)))
    return Verdict(float(given is not None and given.error(expected) <= allowed), parsed=given is not None)


def distance(gold: str, output: str, *, worst: float) -> Verdict:
    """Judge an output by how far its first number is from gold: the absolute error, at most ``worst``.

    An output without a number has the error ``worst``.

    Raises:
        ValueError: if gold is not wholly one number, with or without a unit.
    """
    expected, given = _two_numbers(gold, output)
    return Verdict(worst if given is None else min(worst, float(given.error(expected))), parsed=given is not None)


def _two_numbers(gold: str, output: str) -> tuple[Number, Number | None]:
    expected = gold_number(gold)
    return expected, first_number(drop_thinking(output), fractions=expected.value.denominator > 1)


def choice(gold: str, output: str, *, choices: Sequence[str]) -> Verdict:
    """Judge an output as right if the choice that it makes is gold (see :func:`chosen`)."""
    given = chosen(output, choices)
    if normalized(gold) not in map(normalized, choices):
        raise ValueError(f"is none of the choices {', '.join(choices)}")
    return Verdict(float(given is not None and normalized(given) == normalized(gold)), parsed=given is not None)


def chosen(output: str, choices: Sequence[str]) -> str | None:
    """Return the choice that an output makes: the one that occurs first in it, as a whole word and in any case.

    A word ends where a script without blanks between words begins, such as Chinese or Thai. If all choices are single
    letters, the letter must stand where an answer stands (see :mod:`ftdojo.tasks.letters`): the article *a* is none.
    """
    text = drop_thinking(output)
    known = {normalized(choice): choice for choice in choices}
    if whole := known.get(normalized(text)):
        return whole
    if all(len(choice) == 1 and choice.isascii() and choice.isalpha() for choice in known):
        letter = find_letter(text, {choice.upper() for choice in known})
        return known[letter.casefold()] if letter else None
    match = re.search("|".join(map(_as_word, sorted(known, key=len, reverse=True))), normalized(text))
    return known[match[0]] if match else None


def _as_word(choice: str) -> str:
    """Return the pattern of a choice that is a word of its own."""
    before = "" if UNSPACED.match(choice[0]) else rf"(?<!{SPACED})"
    after = "" if UNSPACED.match(choice[-1]) else rf"(?!{SPACED})"
    return f"{before}{re.escape(choice)}{after}"


@dataclass(frozen=True, slots=True)
class AnswerScorer(MeanScorer):
    """A scorer that judges every output on its own against the gold text of its item."""

    judge: Judge
    gold_text: Callable[[Record], str]
    subtask: Callable[[Record], str]
    all_golds: Callable[[Record], Sequence[str]] | None = None
    """Returns all right answers of an item; ``None`` if each has one."""
    lower_is_better: bool = False
    """Whether scores are errors: 0 is right."""

    def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
        """Return one verdict per item; an error is ``empty``, ``format`` or ``wrong``.

        Raises:
            InputError: naming the items whose gold text is not of the scorer's form.
        """
        scores, findings = [], []
        for item, output in zip(items, outputs, strict=True):
            gold = ""
            try:
                verdicts = []
                for gold in self.golds(item):
                    verdicts.append(self.judge(gold, output))
            except (ValueError, RecursionError) as error:
                message = f"the gold answer {gold[:80]!r} {error}"
                fix = "correct the item, or the task's answer template"
                where = f"item {item.get('id')}"
                findings.append(Finding(code="bad_gold", gate=0, message=message, where=where, fix=fix))
                continue
            best = (min if self.lower_is_better else max)(verdicts, key=lambda verdict: verdict.score)
            right = best.score == 0.0 and best.parsed if self.lower_is_better else best.score == 1.0
            scores.append(_item_score(str(item["id"]), self.subtask(item), output, best, right=right))
        if findings:
            raise InputError(findings[:MAX_FINDINGS])
        return scores

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """Return the judge's further values and the share of parsed outputs, in per cent."""

        def mean(name: str) -> float:
            return 100.0 * subtask_mean(scores, lambda s: s.metrics[name])

        return {name: mean(name) for name in scores[0].metrics} | {"parsed": parsed_percent(scores)}

    def gold(self, item: Record) -> str:
        """Return the item's gold text, of several the first."""
        return self.golds(item)[0]

    def golds(self, item: Record) -> Sequence[str]:
        """Return all right answers of an item, at least one."""
        return self.all_golds(item) if self.all_golds else [self.gold_text(item)]


def same_text(a: str, b: str) -> bool:
    """Return whether two texts are equal, ignoring case and white space."""
    return normalized(a) == normalized(b)


def _item_score(name: str, subtask: str, output: str, verdict: Verdict, *, right: bool) -> ItemScore:
    error = None
    if not right:
        error = "wrong" if verdict.parsed else "format" if drop_thinking(output) else "empty"
    return ItemScore(
        id=name,
        subtask=subtask,
        score=verdict.score,
        parsed=verdict.parsed,
        error=error,
        metrics=verdict.metrics,
    )


def normalized(text: str) -> str:
    """Return a text in lower case, with single blanks for white space."""
    return " ".join(text.casefold().split())


def _same(gold: Any, given: Any) -> bool:
    """Whether two JSON values are equal; it descends only as deep as ``gold``, which is not hostile."""
    if isinstance(gold, str):
        return isinstance(given, str) and normalized(gold) == normalized(given)
    if isinstance(gold, dict):
        return (
            isinstance(given, dict) and gold.keys() == given.keys() and all(_same(v, given[k]) for k, v in gold.items())
        )
    if isinstance(gold, list):
        return isinstance(given, list) and len(gold) == len(given) and all(map(_same, gold, given))
    if isinstance(gold, bool) or isinstance(given, bool):
        return gold is given
    return bool(gold == given)


@dataclass(frozen=True, slots=True)
class ErrorScorer(AnswerScorer):
    """Scores outputs by their error; the core metric is the mean over sub-tasks of its mean, in the unit of gold."""

    lower_is_better: bool = True

    def value(self, scores: Sequence[ItemScore]) -> float:
        """Return the mean absolute error over ``scores``."""
        return subtask_mean(scores, lambda score: score.score)
