"""The reward of an answer: the task's own score of it and, if the configuration asks for them, its form and length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ftdojo.contract.task_spec import Record
from ftdojo.training.backend import Scores

UNSCORABLE = "unscorable"
"""How the error of an output begins on which the scorer failed."""


@dataclass(frozen=True, slots=True)
class Output:
    """One answer of a model."""

    text: str
    tokens: int
    """Generated tokens, with the one that ends the answer."""
    limit: int
    """The most that it could have had."""
    cut: bool = False
    """Whether it was cut there."""


@dataclass(frozen=True, slots=True)
class Reward:
    """The reward of one answer, and what it is made of."""

    value: float
    score: float
    """The task's score, in the metric's own unit; where lower is better, with the sign changed."""
    right: bool
    failed: bool = False
    """Whether the scorer failed on the answer."""


@dataclass(frozen=True, slots=True)
class Rewards:
    """Rewards answers to the items of one task."""

    scores: Scores
    higher_is_better: bool
    form_reward: float = 0.0
    length_penalty: float = 0.0

    def give(self, items: Sequence[Record | None], outputs: Sequence[Output]) -> list[Reward]:
        """Return the reward of each output as the answer to its item. Without an item it is 0."""
        judged = [i for i, item in enumerate(items) if item is not None]
        # Every pair gets its own id, because scorers report by id.
        asked = [{**(items[i] or {}), "id": str(i)} for i in judged]
        verdicts = self.scores(asked, [outputs[i].text for i in judged]) if judged else []
        found = [Reward(0.0, 0.0, right=False)] * len(items)
        for i, verdict in zip(judged, verdicts, strict=True):
            score = float(verdict["score"]) * (1.0 if self.higher_is_better else -1.0)
            form = self.form_reward * bool(verdict["parsed"])
            length = self.length_penalty * min(1.0, outputs[i].tokens / outputs[i].limit)
            error = verdict["error"]
            failed = bool(error) and str(error).startswith(UNSCORABLE)
            found[i] = Reward(score + form - length, score, right=error is None, failed=failed)
        return found
