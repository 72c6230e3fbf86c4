"""The rows of a recipe: every source rendered, cleaned, balanced and mixed."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2.exceptions import SecurityError, TemplateError

from .files import load_json, read_file
from .templates import RowEnvironment, strip_answer, strip_prompt, variables

MAX_ANSWERS = 50
"""A source with more distinct completions than this has open answers, over which no balance is struck."""
SURROGATE = re.compile(r"[\ud800-\udfff]")
"""As in ``contract/row.py``, which the sandbox does not hold."""
POOL = 4
"""Of each source so many times the rows that are wanted are kept in memory, drawn evenly from all that it gives."""


def from_json(text: Any) -> Any:
    """The value of a JSON text, also if it is fenced or encoded twice; an empty mapping if it cannot be parsed."""
    for _ in range(3):
        if not isinstance(text, str):
            return text
        value = parse_json(text)
        if value is None:
            _, _, fenced = text.partition("```")  # no pattern: on many blanks and no end it would take for ever
            inside, closed, _ = fenced.removeprefix("json").partition("```")
            value = parse_json(inside) if closed else None
        text = {} if value is None else value
    return text


def parse_json(text: str) -> Any:
    """The value of a JSON text, or ``None`` if it is broken."""
    try:
        return load_json(text)
    except (ValueError, RecursionError):
        return None


Skipped = Counter[str]
"""Why rows were passed over -> number of rows."""
BLANK = "has a blank prompt or completion"
"""The usual reason: a template that renders to nothing leaves its row out."""


Pair = dict[str, Any]
"""A training pair: ``prompt``, ``completion`` and ``subtask``; with an ``item``, if its answers are to be scored; with
a ``rejected`` answer, if it is a preference."""


def render(
    source: dict[str, Any], folder: Path, longest: int, skipped: Skipped | None = None, *, items: bool = False
) -> Iterator[Pair]:
    """The training pairs of one source, in the order of its file. A row that gives none is counted in ``skipped``.
    With ``items``, each has the item by which the task's scorer judges answers."""
    skipped = Counter() if skipped is None else skipped
    environment = RowEnvironment(from_json)
    prompt, completion = (environment.from_string(source[key]) for key in ("prompt", "completion"))
    keep = environment.compile_expression(source["where"]) if source["where"] else None
    fields_of_item = {key: environment.compile_expression(text) for key, text in source.get("item", {}).items()}
    for row in read_file(folder / source["path"]):
        if not isinstance(row, dict):
            skipped["is no row"] += 1
            continue
        fields = variables(row)
        try:
            if keep is not None and not keep(fields):
                continue
            pair = {
                "prompt": strip_prompt(prompt.render(fields)),
                "completion": strip_answer(completion.render(fields)),
                "subtask": source["subtask"],
            }
            if items:
                item = {key: value(fields) for key, value in fields_of_item.items()} if fields_of_item else row
                pair["item"] = _plain({**({"subtask": source["subtask"]} if source["subtask"] else {}), **item})
        except SecurityError:
            raise
        except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
            skipped[f"cannot be rendered ({str(error)[:100]})"] += 1
            continue
        # Text that was cut within a character; no file can hold it.
        if any(SURROGATE.search(pair[key]) for key in ("prompt", "completion")):
            skipped["holds half a character"] += 1
        elif not pair["prompt"] or not pair["completion"]:
            skipped[BLANK] += 1
        elif len(pair["completion"]) > longest:
            skipped["has a completion that is too long"] += 1
        else:
            yield pair


def _plain(item: dict[str, Any]) -> Any:
    """The item as JSON values; what JSON does not have, such as bytes, is missing."""
    return load_json(json.dumps(item, default=lambda _: None))


def with_other_answers(pairs: list[Pair], rng: random.Random, skipped: Skipped) -> list[Pair]:
    """Preferences of a source with a closed set of answers: a pair's own answer is better than another one of the set.
    Of other sources none, because another answer may be as good there."""
    answers = sorted({pair["completion"] for pair in pairs})
    if len(answers) > MAX_ANSWERS or 2 * len(answers) > len(pairs):
        skipped["is of a source with an open set of answers"] += len(pairs)
        return []
    if len(answers) < 2:
        skipped["has the only answer of its source"] += len(pairs)
        return []
    return [{**pair, "rejected": rng.choice([a for a in answers if a != pair["completion"]])} for pair in pairs]


def sample(pairs: Iterator[Pair], most: int, rng: random.Random) -> list[Pair]:
    """At most so many of a stream, each with the same chance (Vitter 1985, doi 10.1145/3147.3165, algorithm R)."""
    kept: list[Pair] = []
    for seen, pair in enumerate(pairs):
        if len(kept) < most:
            kept.append(pair)
        elif (place := rng.randrange(seen + 1)) < most:
            kept[place] = pair
    return kept


def deduplicate(pairs: list[Pair], seen: set[str]) -> list[Pair]:
    """The pairs whose prompt is not in ``seen``, which grows."""
    kept = []
    for pair in pairs:
        if pair["prompt"] not in seen:
            seen.add(pair["prompt"])
            kept.append(pair)
    return kept


def balanced(pairs: list[Pair]) -> list[Pair]:
    """Reorder so that any prefix is as even over the distinct completions as they allow."""
    groups: dict[str, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair["completion"], []).append(pair)
    if len(groups) > MAX_ANSWERS:
        return pairs
    turn = max(len(group) for group in groups.values())
    return [group[i] for i in range(turn) for group in groups.values() if i < len(group)]


def shares(weights: list[float], available: list[int], total: int) -> list[int]:
    """How many rows each source gives: in proportion to its weight, as far as it has them, ``total`` in all."""
    taken = [0] * len(weights)
    left = min(total, sum(n for n, w in zip(available, weights, strict=True) if w > 0))
    while left:
        open_sources = [i for i, w in enumerate(weights) if w > 0 and taken[i] < available[i]]
        # The source that is furthest behind its share gives the next row: exact, and no rounding to repair.
        behind = min(open_sources, key=lambda i: ((taken[i] + 1) / weights[i], i))
        taken[behind] += 1
        left -= 1
    return taken


def mix(recipe: dict[str, Any], folder: Path, limit: int, skipped: Skipped | None = None) -> list[Pair]:
    """The rows of a recipe. Raw rows that give none are counted in ``skipped``."""
    rng = random.Random(recipe["seed"])  # noqa: S311 - sampling, not secrets
    skipped = Counter() if skipped is None else skipped
    with_items, other = recipe["items"] or recipe["sample"]["samples"] > 0, recipe["pairs"] == "other_answer"
    seen: set[str] = set()
    pools = []
    for source in recipe["sources"]:
        rendered = render(source, folder, recipe["max_completion_chars"], skipped, items=with_items)
        pairs = sample(rendered, POOL * limit, rng)
        rng.shuffle(pairs)
        if recipe["deduplicate"]:
            pairs = deduplicate(pairs, seen)
        if other:
            pairs = with_other_answers(pairs, random.Random(recipe["seed"]), skipped)  # noqa: S311
        pools.append(balanced(pairs) if pairs and recipe["balance"] == "completion" else pairs)
    weights, available = [s["weight"] for s in recipe["sources"]], [len(pool) for pool in pools]
    passed = shares(weights, available, recipe.get("skip", 0) % max(1, sum(available)))
    pools = [[*pool[n:], *pool[:n]] for pool, n in zip(pools, passed, strict=True)]
    counts = shares(weights, available, min(limit, recipe["max_rows"]))
    rows = [pair for pool, count in zip(pools, counts, strict=True) for pair in pool[:count]]
    rng.shuffle(rows)
    return rows
