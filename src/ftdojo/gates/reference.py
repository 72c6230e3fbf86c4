"""The reference of a task: its validation questions, their gold answers, and the answers that its scorer can read.

The environment compares training rows with it. None of its text appears in a finding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftdojo.contract.task_spec import Record
from ftdojo.data import read_items
from ftdojo.tasks.external import RunsCode
from ftdojo.tasks.extract import drop_thinking
from ftdojo.tasks.spec import ItemScore, Task

MOST_ITEMS = 200
"""A validation file with more items is thinned by even steps, to at least this many."""
FEW_ANSWERS = 10
"""A task with no more distinct gold answers than this, each given at least twice, has a closed set of answers."""
TRIES = 24
"""Most items that an answer is tried against: it may fit only some (a list of another length, another key)."""
CODE_TRIES = 1
"""The same where scoring runs code: each try starts a process."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A task's validation items, with which training rows are compared."""

    task: Task
    items: list[Record]
    questions: list[str]
    golds: list[str]

    @classmethod
    def from_file(cls, task: Task, validation: Path) -> Reference:
        """Read the reference of a task from its validation file."""
        every = read_items(validation)
        items = every[:: max(1, len(every) // MOST_ITEMS)]
        return cls(task, items, [task.question(i) for i in items], [task.gold(i) for i in items])

    def select_subtask(self, name: str) -> tuple[list[str], list[str]]:
        """Return the questions and gold answers of a sub-task, or of all items if no item names it."""
        chosen = [i for i, item in enumerate(self.items) if str(item.get("subtask", "")) == name]
        chosen = chosen or list(range(len(self.items)))
        return [self.questions[i] for i in chosen], [self.golds[i] for i in chosen]

    @property
    def runs_code(self) -> bool:
        """Whether scoring an answer starts a process."""
        return isinstance(self.task.scorer, RunsCode)

    @property
    def closed(self) -> bool:
        """Whether the task has a closed set of answers, so that its gold answers include all of them."""
        counts = {gold: self.golds.count(gold) for gold in self.golds}
        return len(counts) <= FEW_ANSWERS and min(counts.values()) > 1

    def accepted(self, answers: Sequence[str], subtasks: Sequence[str]) -> list[bool]:
        """For every answer, whether the scorer can read it for at least one item of its sub-task.

        In a task with a closed set of answers it must be one of them: a text that scores 0 for each is rejected.

        Raises:
            InputError: if the scorer fails.
        """
        if self.closed:
            one_each = list(dict(zip(self.golds, self.items, strict=True)).values())
            return self._any(answers, [one_each] * len(answers), lambda score: score.parsed and score.score > 0)
        by_subtask: dict[str, list[Record]] = {}
        for item in self.items:
            by_subtask.setdefault(str(item.get("subtask", "")), []).append(item)
        groups = list(by_subtask.values())
        mixed = [group[i] for i in range(max(map(len, groups))) for group in groups if i < len(group)]
        tries = CODE_TRIES if self.runs_code else TRIES
        candidates = [by_subtask.get(subtask, mixed)[:tries] for subtask in subtasks]
        return self._any(answers, candidates, lambda score: score.parsed)

    def _any(
        self, answers: Sequence[str], candidates: Sequence[Sequence[Record]], good: Callable[[ItemScore], bool]
    ) -> list[bool]:
        """Whether each answer is good for one of its candidate items. An answer that fits is not tried on others."""
        found = [False] * len(answers)
        for turn in range(max(map(len, candidates), default=0)):
            open_ones = [i for i, items in enumerate(candidates) if not found[i] and turn < len(items)]
            # Every pair gets its own id, because scorers report by id.
            asked = [{**candidates[i][turn], "id": str(i)} for i in open_ones]
            if asked:
                scores = self.task.scorer.score(asked, [answers[i] for i in open_ones])
                for i, score in zip(open_ones, scores, strict=True):
                    found[i] = good(score)
        return found

    @property
    def can_judge(self) -> bool:
        """Whether the scorer accepts at least 90% of the gold answers when they are tried like any other answer."""
        sample = list(range(0, len(self.golds), max(1, len(self.golds) // (2 if self.runs_code else 20))))
        subtasks = [str(self.items[i].get("subtask", "")) for i in sample]
        verdicts = self.accepted([self.golds[i] for i in sample], subtasks)
        return sum(verdicts) >= 0.9 * len(verdicts)


def extract_answer(completion: str) -> str:
    """Return the completion without its ``<think>`` blocks; empty if a block is never closed."""
    left = drop_thinking(completion)
    return "" if left.startswith("<think>") and "</think>" not in left else left
