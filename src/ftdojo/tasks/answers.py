"""The built-in scorers for a user's own task: ``exact``, ``json``, ``number`` and ``choice``.

Each is a pure function of a gold text and an output. Complete ``<think>…</think>`` blocks are removed from outputs.
"""

from __future__ import annotations

import json
import math
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
from ftdojo.tasks.rows import MAX_FINDINGS
from ftdojo.tasks.spec import ItemScore


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judge's verdict on one output."""

    score: float
    """0 to 1."""
    parsed: bool
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Further values from 0 to 1, the same names for every output."""


Judge = Callable[[str, str], Verdict]
"""Gold text and output to verdict. Raises ``ValueError`` for a gold text that is not of the judge's form."""


def exact(gold: str, output: str) -> Verdict:
    """Judge an output as right if it equals the gold text, ignoring case and white space."""
    given = _normalized(drop_thinking(output))
    return Verdict(float(given == _normalized(gold)), parsed=bool(given))


def json_fields(gold: str, output: str, *, metric: str) -> Verdict:
    """Compare the fields of the gold object: the score is 1 if all are equal, or with ``field_accuracy`` their share.

    Text is compared ignoring case and white space, numbers by value; further keys in the output are ignored.
    """
    expected = json.loads(gold)
    if not (isinstance(expected, dict) and expected):
        raise ValueError("is not a JSON object with at least one field")
    given = json_object(output)
    right = [_same(value, (given or {}).get(key)) and key in (given or {}) for key, value in expected.items()]
    values = {"accuracy": float(all(right)), "field_accuracy": fmean(right)}
    score = values.pop(metric)
    return Verdict(score, parsed=given is not None, metrics=values | {"valid_json": float(given is not None)})


def number(gold: str, output: str, *, tolerance: float) -> Verdict:
    """Judge an output as right if its first number differs from gold by at most ``tolerance`` times gold.

    Commas between digits are taken as thousands separators.
    """
    expected, given = _first_number(gold), _first_number(drop_thinking(output))
    if expected is None:
        raise ValueError("holds no number")
    right = given is not None and math.isclose(given, expected, rel_tol=0.0, abs_tol=tolerance * abs(expected))
    return Verdict(float(right), parsed=given is not None)


def choice(gold: str, output: str, *, choices: Sequence[str]) -> Verdict:
    """Judge an output as right if the choice that occurs first in it, as a whole word and in any case, is gold."""
    longest_first = sorted(map(_normalized, choices), key=len, reverse=True)
    if _normalized(gold) not in longest_first:
        raise ValueError(f"is none of the choices {', '.join(choices)}")
    pattern = "|".join(map(re.escape, longest_first))
    match = re.search(rf"(?<!\w)(?:{pattern})(?!\w)", _normalized(drop_thinking(output)))
    return Verdict(float(match is not None and match[0] == _normalized(gold)), parsed=match is not None)


@dataclass(frozen=True, slots=True)
class AnswerScorer(MeanScorer):
    """A scorer that judges every output on its own against the gold text of its item."""

    judge: Judge
    gold_text: Callable[[Record], str]
    subtask: Callable[[Record], str]

    def score(self, items: Sequence[Record], outputs: Sequence[str]) -> list[ItemScore]:
        """Return one verdict per item; an error is ``empty``, ``format`` or ``wrong``.

        Raises:
            InputError: naming the items whose gold text is not of the scorer's form.
        """
        scores, findings = [], []
        for item, output in zip(items, outputs, strict=True):
            gold = self.gold_text(item)
            try:
                verdict = self.judge(gold, output)
            except (ValueError, RecursionError) as error:
                message = f"the gold answer {gold[:80]!r} {error}"
                fix = "correct the item, or the task's answer template"
                where = f"item {item.get('id')}"
                findings.append(Finding(code="bad_gold", gate=0, message=message, where=where, fix=fix))
                continue
            scores.append(_item_score(str(item["id"]), self.subtask(item), output, verdict))
        if findings:
            raise InputError(findings[:MAX_FINDINGS])
        return scores

    def metrics(self, scores: Sequence[ItemScore]) -> dict[str, float]:
        """Return the judge's further values and the share of parsed outputs, in per cent."""

        def mean(name: str) -> float:
            return 100.0 * subtask_mean(scores, lambda s: s.metrics[name])

        return {name: mean(name) for name in scores[0].metrics} | {"parsed": parsed_percent(scores)}

    def gold(self, item: Record) -> str:
        """Return the item's gold text."""
        return self.gold_text(item)


def _item_score(name: str, subtask: str, output: str, verdict: Verdict) -> ItemScore:
    error = None
    if verdict.score < 1.0:
        error = "wrong" if verdict.parsed else "format" if drop_thinking(output) else "empty"
    return ItemScore(
        id=name,
        subtask=subtask,
        score=verdict.score,
        parsed=verdict.parsed,
        error=error,
        metrics=verdict.metrics,
    )


def _normalized(text: str) -> str:
    return " ".join(text.casefold().split())


def _first_number(text: str) -> float | None:
    match = re.search(r"[-+]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?", text)
    value = float(match[0].replace(",", "")) if match else math.nan
    return value if math.isfinite(value) else None


def _same(gold: Any, given: Any) -> bool:
    """Whether two JSON values are equal; it descends only as deep as ``gold``, which is not hostile."""
    if isinstance(gold, str):
        return isinstance(given, str) and _normalized(gold) == _normalized(given)
    if isinstance(gold, dict):
        return (
            isinstance(given, dict) and gold.keys() == given.keys() and all(_same(v, given[k]) for k, v in gold.items())
        )
    if isinstance(gold, list):
        return isinstance(given, list) and len(gold) == len(given) and all(map(_same, gold, given))
    if isinstance(gold, bool) or isinstance(given, bool):
        return gold is given
    return bool(gold == given)
