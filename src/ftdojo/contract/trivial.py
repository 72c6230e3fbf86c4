"""Scores of a task without learning it: the reference for every score."""

from __future__ import annotations

from ftdojo.contract.result import Result, Score


class TrivialAnswers(Result):
    """Scores of answers that need no training, on one set of items."""

    constant: Score
    """Score of the one output that scores best when it is given to every item."""
    constant_output: str
    majority: Score
    """Score of the best output for each sub-task, given to every item of it."""
    subtasks: dict[str, float]
    """The core metric of :attr:`majority` by sub-task: what guessing scores."""
    majority_outputs: dict[str, str]
    """For the owner of the run only: these outputs reveal something about the right answers."""
    few_shot: Score | None
    """Score of the untouched base model with examples in the prompt; ``None`` if not even one fits into its context."""
    shots: int
    """Number of examples in the prompt."""

    def best(self, *, higher_is_better: bool) -> Score:
        """Return the best of these scores."""
        scores = [score for score in (self.majority, self.constant, self.few_shot) if score is not None]
        return (max if higher_is_better else min)(scores, key=lambda score: score.value)
