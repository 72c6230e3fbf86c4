"""The key figures at the top of the page."""

from __future__ import annotations

from collections import Counter

from ftdojo.contract.budget import Spent
from ftdojo.contract.result import Score
from ftdojo.report import text
from ftdojo.report.view.parts import Card


def cards(
    validation: tuple[Score, Score] | None,
    test: tuple[Score, Score] | None,
    outcomes: Counter[str],
    spent: Spent,
) -> list[Card]:
    """Return scores of the base model and of the best one, iterations by their outcome, time and tokens."""
    counts = ", ".join(f"{outcomes[kind]} {kind}" for kind in ("accepted", "rejected", "stopped") if outcomes[kind])
    tokens = spent.input_tokens + spent.output_tokens
    return [
        _score_card("test", test),
        _score_card("validation", validation),
        Card("iterations", f"{outcomes.total():,}", counts or "none yet"),
        Card("wall time", text.duration(spent.wall_s), f"device {text.duration(spent.device_s)}"),
        Card("LLM tokens", f"{tokens:,}", f"${spent.cost_usd:,.2f}"),
    ]


def _score_card(split: str, scores: tuple[Score, Score] | None) -> Card:
    if scores is None:
        return Card(
            split,
            "not scored",
            "opened when the agent has stopped" if split == "test" else "the base model has not been evaluated yet",
        )
    before, after = scores
    metric = before.metric
    value = f"{text.number(before.value, metric)} → {text.number(after.value, metric)}{text.unit(metric)}"
    intervals = f"{text.interval(*before.interval, metric)} → {text.interval(*after.interval, metric)}"
    return Card(f"{split} {metric}", value, f"{intervals}, n{text.SPACE}={text.SPACE}{before.n:,}")
