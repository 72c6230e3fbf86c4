"""What is normal for a task: its validation questions, their gold answers, and what its scorer takes for an answer.

The environment holds rows against it. No text of it enters a finding.
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
"""Of a long validation file so many items, evenly taken, are enough to know what is normal."""
FEW_ANSWERS = 10
"""A task with no more distinct gold answers than this, each given at least twice, has a closed set of answers."""
TRIES = 24
"""An answer may fit some items only (a list of another length, another key); so many are tried."""
CODE_TRIES = 1
"""Where scoring runs code, a try costs a process."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A task's validation items, as the measure of training rows."""

    task: Task
    items: list[Record]
    questions: list[str]
    golds: list[str]

    @classmethod
    def of(cls, task: Task, validation: Path) -> Reference:
        """The reference of a prepared task."""
        every = read_items(validation)
        items = every[:: max(1, len(every) // MOST_ITEMS)]
        return cls(task, items, [task.question(i) for i in items], [task.scorer.gold(i) for i in items])

    def of_subtask(self, name: str) -> tuple[list[str], list[str]]:
        """Questions and gold answers of a sub-task; of all, if there is none of that name."""
        chosen = [i for i, item in enumerate(self.items) if str(item.get("subtask", "")) == name]
        chosen = chosen or list(range(len(self.items)))
        return [self.questions[i] for i in chosen], [self.golds[i] for i in chosen]

    @property
    def runs_code(self) -> bool:
        """Whether scoring an answer starts a process."""
        return isinstance(self.task.scorer, RunsCode)

    @property
    def closed(self) -> bool:
        """Whether the task has a closed set of answers, all of which are among its gold answers."""
        counts = {gold: self.golds.count(gold) for gold in self.golds}
        return len(counts) <= FEW_ANSWERS and min(counts.values()) > 1

    def accepted(self, answers: Sequence[str], subtasks: Sequence[str]) -> list[bool]:
        """For every answer whether the scorer finds one of the right form in it, for some item of its sub-task.

        In a task with a closed set of answers it must be one of them: a text that scores nothing against each is none.

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
        """Whether an answer is good for one of its candidate items; those that fit are not tried again."""
        found = [False] * len(answers)
        for turn in range(max(map(len, candidates), default=0)):
            open_ones = [i for i, items in enumerate(candidates) if not found[i] and turn < len(items)]
            # An id of its own for every pair, as scorers report by id.
            asked = [{**candidates[i][turn], "id": str(i)} for i in open_ones]
            if asked:
                scores = self.task.scorer.score(asked, [answers[i] for i in open_ones])
                for i, score in zip(open_ones, scores, strict=True):
                    found[i] = good(score)
        return found

    @property
    def can_judge(self) -> bool:
        """Whether the scorer accepts the gold answers themselves when they are asked for like any other answer."""
        sample = list(range(0, len(self.golds), max(1, len(self.golds) // (2 if self.runs_code else 20))))
        subtasks = [str(self.items[i].get("subtask", "")) for i in sample]
        verdicts = self.accepted([self.golds[i] for i in sample], subtasks)
        return sum(verdicts) >= 0.9 * len(verdicts)


def answer_of(completion: str) -> str:
    """What remains of a completion when the passages are dropped in which it thinks; nothing if it never ends one."""
    left = drop_thinking(completion)
    return "" if left.startswith("<think>") and "</think>" not in left else left
