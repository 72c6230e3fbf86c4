"""What a model makes of the rows of a recipe: samples that the task's scorer calls right take the place of completions,
and wrong ones become rejected answers.

Rejection sampling: Zelikman et al. 2022, arXiv 2203.14465; Yuan et al. 2023, arXiv 2308.01825. The share of rows with a
right sample among k is pass@k (Chen et al. 2021, arXiv 2107.03374).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from .mixture import Pair, Skipped
from .templates import strip_answer

AT_ONCE = 32
"""Requests that wait for an answer at a time. The gateway has its own limit of calls."""
SAMPLED = "sampled"
"""The key of a row that says how its samples were judged: as in ``contract/row.py``, which the sandbox does not hold.
"""
NO_RIGHT, NO_WRONG = "got no right sample", "got no wrong sample"
"""Why rows were passed over."""


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
        these are ``right``, rows that are ``solved`` (with at least one right sample), and completions ``kept``.

    Raises:
        SystemExit: if the scorer cannot judge the rows, or the model answers none.
    """
    rule = recipe["sample"]
    checked = _check(rows, llm)
    samples = _draw([row for row, right in zip(rows, checked, strict=True) if right], rule, llm)
    count = {"rows": 0, "samples": 0, "right": 0, "solved": 0}
    found: list[Pair] = []
    for row, is_checked in zip(rows, checked, strict=True):
        drawn = next(samples) if is_checked else []
        right, wrong = ([text for text, is_right in drawn if is_right is wanted] for wanted in (True, False))
        rejected = [text for text in wrong if text]
        fitting = [text for text in dict.fromkeys(right) if len(text) <= recipe["max_completion_chars"]]
        kept = sorted(fitting, key=len)[: rule["keep"]] if rule["prefer"] == "shortest" else fitting[: rule["keep"]]
        count["rows"] += bool(drawn)
        count["samples"] += len(drawn)
        count["right"] += len(right)
        count["solved"] += bool(right)
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


def _draw(rows: Sequence[Pair], rule: dict[str, Any], llm: Models) -> Iterator[list[tuple[str, bool]]]:
    """Yield the samples of each row: (text, whether it is right). An empty one is wrong. Those that the budget could
    not cover are missing."""
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
    judged: dict[int, list[tuple[str, bool]]] = {}
    for (row, text), verdict in zip(answered, verdicts, strict=True):
        judged.setdefault(id(row), []).append((text, text != "" and verdict["error"] is None))
    yield from (judged.get(id(row), []) for row in rows)
