"""What a model makes of the rows of a recipe: samples that the task's scorer calls right take the place of completions,
wrong ones become rejected answers, and rows that the model has mastered or contradicts can be left out.

Rejection sampling: Zelikman et al. 2022, arXiv 2203.14465; Yuan et al. 2023, arXiv 2308.01825. The share of rows with a
right sample among k is pass@k (Chen et al. 2021, arXiv 2107.03374). Labels that a model contradicts, which was trained
on other rows, are likely to be wrong: Northcutt et al. 2021, arXiv 1911.00068. Rows that are learned already and rows
with wrong labels teach least: Mindermann et al. 2022, arXiv 2206.07137.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import compress
from typing import Any, NamedTuple, Protocol

from .mixture import Pair, Skipped
from .templates import strip_answer

AT_ONCE = 32
"""Requests that wait for an answer at a time. The gateway has its own limit of calls."""
SAMPLED = "sampled"
"""The key of a row that says how its samples were judged: as in ``contract/row.py``, which the sandbox does not hold.
"""
NO_RIGHT, NO_WRONG = "got no right sample", "got no wrong sample"
"""Why rows were passed over."""
MASTERED, CONTRADICTED = "mastered", "contradicted"
"""What samples can say about a row, by the keys of ``sample`` that say what becomes of such rows."""
LEFT_OUT = {MASTERED: "got right samples only", CONTRADICTED: "got the same wrong answer in all samples"}
"""Why such rows were passed over."""
OF_SAMPLES = frozenset({NO_RIGHT, NO_WRONG, *LEFT_OUT.values()})
"""All reasons for which samples let rows be passed over."""


class Drawn(NamedTuple):
    """One sample of a row, as the scorer judged it."""

    text: str
    right: bool
    parsed: bool
    """Whether it has the form of an answer."""


class Models(Protocol):
    """The part of ``ftdojo_llm`` that is used here."""

    LlmError: type[Exception]

    def ask(self, prompt: str, *, model: str, max_tokens: int, temperature: float, seed: int) -> str:
        """Return the reply of a model."""

    def score(self, items: Sequence[dict[str, Any]], outputs: Sequence[str]) -> list[dict[str, Any]]:
        """Return the verdicts of the task's scorer."""


def apply(
    rows: Sequence[Pair], recipe: dict[str, Any], limit: int, llm: Models, skipped: Skipped
) -> tuple[list[Pair], dict[str, Any]]:
    """Draw the samples of a recipe, and return its rows with what was counted.

    Args:
        rows: each with its ``item``.
        recipe: as JSON values.
        limit: rows that are returned at most.
        llm: the models of the run.
        skipped: counts the rows that give none.

    Returns:
        Rows without items. Then a summary: ``rows`` that were asked, ``samples`` that were drawn of them, how many of
        these are ``right``, rows that are ``solved`` (with at least one right sample), ``mastered`` or ``contradicted``
        (:func:`_conclude`), rows that were ``dropped`` for one of the last two, and completions ``kept``.

    Raises:
        SystemExit: if the scorer cannot judge the rows, or the model answers none.
    """
    rule = recipe["sample"]
    checked = _check(rows, llm)
    samples = _draw([row for row, right in zip(rows, checked, strict=True) if right], rule, llm)
    every = [next(samples) if right else [] for right in checked]
    count = {"rows": 0, "samples": 0, "right": 0, "solved": 0, MASTERED: 0, CONTRADICTED: 0, "dropped": 0}
    found: list[Pair] = []
    for row, drawn, conclusion in zip(rows, every, _conclude(rows, every, rule), strict=True):
        right, wrong = ([sample.text for sample in drawn if sample.right is wanted] for wanted in (True, False))
        rejected = [text for text in wrong if text]
        fitting = [text for text in dict.fromkeys(right) if len(text) <= recipe["max_completion_chars"]]
        kept = sorted(fitting, key=len)[: rule["keep"]] if rule["prefer"] == "shortest" else fitting[: rule["keep"]]
        count["rows"] += bool(drawn)
        count["samples"] += len(drawn)
        count["right"] += len(right)
        count["solved"] += bool(right)
        if conclusion:
            count[conclusion] += 1
            if rule[conclusion] == "drop":
                count["dropped"] += 1
                skipped[LEFT_OUT[conclusion]] += 1
                continue
        if rule["keep"] and not kept and rule["otherwise"] == "drop":
            skipped[NO_RIGHT] += 1
            continue
        if recipe["pairs"] == "sample" and not rejected:
            skipped[NO_WRONG] += 1
            continue
        pair = {"rejected": rejected[0]} if recipe["pairs"] == "sample" else {}
        how = {"model": rule["model"], "samples": len(drawn), "right": len(right), "kept": bool(kept)}
        found += [{**row, **pair, "completion": text, SAMPLED: how} for text in kept or [row["completion"]]]
    found = found[:limit]
    return found, {**count, "kept": sum(row[SAMPLED]["kept"] for row in found)}


def _conclude(rows: Sequence[Pair], every: Sequence[Sequence[Drawn]], rule: dict[str, Any]) -> list[str]:
    """Return what its samples say about each row: :data:`MASTERED`, :data:`CONTRADICTED`, or nothing.

    Nothing, if not all samples could be drawn. A row is mastered if all are right. It is contradicted if there are at
    least two, drawn at a temperature above 0, and all are the same text, an answer in the right form that is wrong. The
    model must also know the row's completion: of the rows with that completion and sub-task, it has mastered more than
    it answers in this way. Completions that occur once are taken together. Otherwise a model that never gives an answer
    would remove the rows that teach it.
    """
    whole = [len(samples) == rule["samples"] for samples in every]
    mastered = [full and all(sample.right for sample in samples) for full, samples in zip(whole, every, strict=True)]
    agree = rule["samples"] > 1 and rule["temperature"] > 0
    denied = [
        agree and full and len(set(samples)) == 1 and samples[0].parsed and not samples[0].right
        for full, samples in zip(whole, every, strict=True)
    ]
    completions = [(row["subtask"], row["completion"]) for row in rows]
    often = Counter(completions)
    groups = [completion if often[completion] > 1 else None for completion in completions]
    known, unknown = (Counter(compress(groups, chosen)) for chosen in (mastered, denied))
    return [
        MASTERED if right else CONTRADICTED if wrong and known[group] > unknown[group] else ""
        for group, right, wrong in zip(groups, mastered, denied, strict=True)
    ]


def _check(rows: Sequence[Pair], llm: Models) -> list[bool]:
    """Whether the scorer calls the rendered completion of each row right. If it does not, it cannot judge samples."""
    verdicts = llm.score([row["item"] for row in rows], [row["completion"] for row in rows])
    right = [verdict["error"] is None for verdict in verdicts]
    if rows and not any(right):
        raise SystemExit(
            f"the scorer calls none of {len(rows)} rendered completions right ({str(verdicts[0]['error'])[:200]}), so "
            "it cannot judge samples: give the fields of an evaluation item in 'item' of the source"
        )
    return right


def _draw(rows: Sequence[Pair], rule: dict[str, Any], llm: Models) -> Iterator[list[Drawn]]:
    """Yield the samples of each row. An empty one is wrong. Those that the budget could not cover are missing."""
    troubles: list[str] = []

    def ask(request: tuple[Pair, int]) -> str | None:
        row, seed = request
        prompt = "\n".join(filter(None, [row["prompt"], rule["ask"]]))
        try:
            reply = llm.ask(
                prompt,
                model=rule["model"],
                max_tokens=rule["max_tokens"],
                temperature=rule["temperature"],
                seed=seed,
            )
        except llm.LlmError as error:  # one prompt may be too long for the model, or the budget is used up
            troubles.append(str(error))
            return None
        return strip_answer(reply)

    requests = [(row, seed) for row in rows for seed in range(rule["samples"])]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        replies = list(threads.map(ask, requests))
    if requests and len(troubles) == len(requests):
        raise SystemExit(f"the model '{rule['model']}' answers nothing: {troubles[0]}")
    answered = [(row, text) for (row, _), text in zip(requests, replies, strict=True) if text is not None]
    verdicts = llm.score([row["item"] for row, _ in answered], [text for _, text in answered])
    judged: dict[int, list[Drawn]] = {}
    for (row, text), verdict in zip(answered, verdicts, strict=True):
        sample = Drawn(text, right=text != "" and verdict["error"] is None, parsed=text != "" and verdict["parsed"])
        judged.setdefault(id(row), []).append(sample)
    yield from (judged.get(id(row), []) for row in rows)
