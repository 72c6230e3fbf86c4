"""What a task yields without learning it, beside which every score has to be read."""

from __future__ import annotations

from ftdojo.contract.result import Result, Score


class TrivialAnswers(Result):
    """Scores of answers that need no training, on one set of items."""

    constant: Score
    """Of the one output that scores best when it is given to every item."""
    constant_output: str
    majority: Score
    """Of the output that scores best for its sub-task, given to every item of it."""
    subtasks: dict[str, float]
    """The core metric of :attr:`majority` by sub-task: what guessing scores."""
    majority_outputs: dict[str, str]
    """For the owner's eyes: which outputs these are tells of the right answers."""
    few_shot: Score | None
    """Of the untouched base model that is shown examples; ``None`` if not even one fits into its context."""
    shots: int
    """How many examples it is shown."""

    def best(self, *, higher_is_better: bool) -> Score:
        """The best of them."""
        scores = [score for score in (self.majority, self.constant, self.few_shot) if score is not None]
        return (max if higher_is_better else min)(scores, key=lambda score: score.value)
