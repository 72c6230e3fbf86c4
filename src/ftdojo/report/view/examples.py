"""Test items with both models' answers and a right one."""

from __future__ import annotations

from ftdojo.episode.examples import Example
from ftdojo.report.view.parts import ExampleCard


def example_cards(examples: list[Example], best: int) -> list[ExampleCard]:
    """Return the items as the page shows them; ``best``: number of the best iteration, 0 for the base model."""
    names = {"baseline": "base model", **({"best": f"iteration {best}"} if best else {})}
    return [
        ExampleCard(
            title=" ".join(filter(None, (example.subtask, example.id))),
            question=example.question,
            answers=[
                (label, answer.output or "(nothing)", _mark(answer.score))
                for name, label in names.items()
                if (answer := example.answers.get(name))
            ],
            right=example.right,
        )
        for example in examples
    ]


def _mark(score: float) -> str:
    return "right" if score == 1 else "wrong" if score == 0 else f"score {score:.2f}"
