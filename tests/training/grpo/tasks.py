"""A task of the tests, with rewards in this process, and prompts for the tiny model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ftdojo.contract.methods import parse_config
from ftdojo.contract.task_spec import Message, Record, TaskSpec
from ftdojo.models import Compute
from ftdojo.tasks.itemwise import ItemwiseScorer
from ftdojo.tasks.spec import ItemScore, Task
from ftdojo.training import Grading, TrainResult, trainer_of
from ftdojo.training.grpo.method import Grpo
from ftdojo.training.grpo.rows import Prompt

SINGLE = Compute("cpu", "float32", "sdpa", "the test compares numbers")
COLOURS = ("red", "blue", "green", "white")

Rule = Callable[[Record, str], float]
"""Item and output to a score from 0 to 1."""


def exact(item: Record, output: str) -> float:
    """An honest rule."""
    return float(output.strip() == item["answer"])


@dataclass(frozen=True)
class RuleScorer(ItemwiseScorer):
    """A scorer of one rule."""

    rule: Rule = field(default=exact)

    def score_item(self, item: Record, output: str) -> ItemScore:
        """See the base class."""
        score = self.rule(item, output)
        error = None if score == 1 else "wrong"
        return ItemScore(id=item["id"], subtask="", score=score, parsed=bool(output.strip()), error=error)

    def gold(self, item: Record) -> str:
        """See the base class."""
        return str(item["answer"])


def ask(item: Record) -> list[Message]:
    """The prompt of the task."""
    return [{"role": "user", "content": item["question"]}]


def make_task(rule: Rule = exact, *, limit: int = 4) -> Task:
    """Make the task; ``limit`` is the longest answer, in tokens."""
    spec = TaskSpec(
        id="own/colours",
        domain="own",
        objective="Name a colour.",
        output_format="a colour",
        metric="accuracy",
        higher_is_better=True,
        best_value=100.0,
        subtasks=(),
        max_new_tokens=limit,
        raw_sources=(),
        evaluation_source="none",
        licence="none",
    )
    return Task(spec=spec, prompt=ask, scorer=RuleScorer(rule), variants={})


def score_here(task: Task) -> Callable[[Sequence[dict[str, Any]], Sequence[str]], list[dict[str, Any]]]:
    """Return the scores of a task as its process gives them, from this process."""

    def scores(items: Sequence[dict[str, Any]], outputs: Sequence[str]) -> list[dict[str, Any]]:
        return [{"score": s.score, "parsed": s.parsed, "error": s.error} for s in task.scorer.score(items, outputs)]

    return scores


def grading(task: Task) -> Grading:
    """Return what a trainer is bound to."""
    return Grading(task, lambda: nullcontext(score_here(task)))


def config(**changes: Any) -> Any:
    """A configuration for the tiny model."""
    settings = {
        "method": "grpo",
        "weights": "full",
        "learning_rate": 3e-3,
        "schedule": "constant",
        "epochs": 4,
        "batch_size": 4,
        "group_size": 8,
        "max_length": 64,
    }
    return parse_config({**settings, **changes}, where="train.yaml")


def items(count: int = 16) -> list[dict[str, Any]]:
    """Items of the task, with answers in turn."""
    return [{"question": f"Question {i}: the colour?", "answer": COLOURS[i % len(COLOURS)]} for i in range(count)]


def bound(task: Task) -> Grpo:
    """The trainer of the task."""
    trainer = trainer_of(config(), grading(task))
    assert isinstance(trainer, Grpo)
    return trainer


def prompts(base: Path, task: Task, count: int = 16) -> list[Prompt]:
    """Tokenized rows."""
    trainer = bound(task)
    rows = [trainer.parse_row({"item": item}) for item in items(count)]
    return trainer.tokenize(rows, base, max_length=64).examples


def run(base: Path, out: Path, task: Task, settings: Any, count: int = 16, **options: Any) -> TrainResult:
    """Train the tiny model."""
    return bound(task).train(prompts(base, task, count), settings, base, out, **options)
