"""Scoring of TableBench answers: every item by a rule, and the common parts of the rules.

An output is ``empty``, of the wrong ``format`` (no ``Final Answer:``), or ``wrong``. Without the marker the whole
output is compared, as in the reference, so it can be right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ftdojo.contract.task_spec import Record
from ftdojo.tasks.extract import scalar_text
from ftdojo.tasks.itemwise import ItemwiseScorer, bad_gold, bad_item
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.table import answers

Rule = Callable[[str, str], float]
"""Final answer and gold answer to a score, 0 to 1."""


def exact(given: str, gold: str) -> float:
    """Equality of normalized texts."""
    return float(answers.same(given, gold))


def within_a_tenth(given: str, gold: str) -> float:
    """First numbers that differ by at most 10 per cent."""
    return float(answers.close(given, gold))


@dataclass(frozen=True, slots=True)
class TableScorer(ItemwiseScorer):
    """Scores items by the rule of their sub-task; a task without sub-tasks has one rule under ``""``."""

    rules: dict[str, Rule]

    def gold(self, item: Record) -> str:
        """The right answer behind the marker."""
        return f"Final Answer: {item['answer']}"

    def score_item(self, item: Record, output: str) -> ItemScore:
        """The verdict on one output.

        Raises:
            UnreadableGoldError: for an item without ``answer``.
            InputError: for an item with another sub-task.
        """
        subtask, gold = str(item.get("subtask") or ""), item.get("answer")
        if subtask not in self.rules:
            message = f"its subtask is {subtask!r}"
            raise bad_item(item, message, f"sub-tasks are: {', '.join(self.rules) or 'none'}")
        gold = scalar_text(gold)
        if not gold:
            raise bad_gold(item, f"its answer is {item.get('answer')!r}", "write the answer as text")
        answer = answers.final(output)
        # Gold is read like an answer, as in the reference, though it hardly ever has a marker.
        score = self.rules[subtask](answer.text, answers.final(gold).text) if answer.text else 0.0
        error = None if score == 1.0 else "empty" if not output.strip() else "wrong" if answer.marked else "format"
        return ItemScore(
            id=str(item["id"]), subtask=subtask, score=score, parsed=answer.marked or score == 1.0, error=error
        )
