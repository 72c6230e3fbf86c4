"""Whether a training on rewards has collapsed, or has nothing left to learn: by what was logged of its answers.

Each check looks at the last :data:`WINDOW` logged steps, so that a single step ends nothing. The training is stopped,
its weights are kept and evaluated, and the reason is a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

from ftdojo.contract.feedback import RolloutPoint
from ftdojo.findings import Finding

WINDOW = 5
SAME, GOLDS_VARY = 0.95, 0.8
"""Shares of the most frequent answer, and of the most frequent gold answer up to which such answers are a collapse."""
CERTAIN = 0.1
"""An entropy below this share of the first one is a collapse, unless most answers are right."""
ENDLESS, USUALLY_ENDED = 0.9, 0.5
"""Shares of answers that are cut at the limit, now and at first."""
EMPTY = 1.05
"""Up to this many tokens the answers are empty: one token ends them."""
LOST = 0.5
"""A share of right answers below this part of the first one is lost."""
FAR = 2.0
"""Nats per token from the weights at the start."""


def find_collapse(points: Sequence[RolloutPoint], *, top_gold: float) -> Finding | None:
    """Return the reason to stop, if there is one.

    Args:
        points: what was logged so far.
        top_gold: share of the most frequent gold answer of the rows.
    """
    if len(points) < 2 * WINDOW:
        return None
    first, last = points[:WINDOW], points[-WINDOW:]
    if top_gold <= GOLDS_VARY and all(point.top_output >= SAME for point in last):
        message = f"{last[-1].top_output:.0%} of the answers are the same text, and the right answers vary"
        return _finding("one_answer", message, last, "lower learning_rate, set kl above 0, or change what is rewarded")
    return next((found for check in CHECKS if (found := check(first, last))), None)


def nothing_to_learn(first: Sequence[RolloutPoint], last: Sequence[RolloutPoint]) -> Finding | None:
    """No group has answers with different rewards any more."""
    if any(point.varied for point in last):
        return None
    message = "all answers to a prompt get the same reward, so none is better than another"
    fix = "use harder prompts" if _mean(last, "right") > LOST else "start from a model that is sometimes right"
    return _finding("constant_reward", message, last, fix)


def empty_answers(first: Sequence[RolloutPoint], last: Sequence[RolloutPoint]) -> Finding | None:
    """The model ends its answers at once."""
    if any(point.output_tokens > EMPTY or point.cut > USUALLY_ENDED for point in last):
        return None
    return _finding("empty_answers", "the answers are empty", last, "lower length_penalty or learning_rate")


def endless_answers(first: Sequence[RolloutPoint], last: Sequence[RolloutPoint]) -> Finding | None:
    """The model does not end its answers any more."""
    if any(point.cut < ENDLESS for point in last) or _mean(first, "cut") > USUALLY_ENDED:
        return None
    message = f"the answers have {last[-1].output_tokens:.0f} tokens, and {last[-1].cut:.0%} are cut at the limit"
    return _finding("endless_answers", message, last, "set length_penalty above 0, or lower learning_rate")


def certain_and_wrong(first: Sequence[RolloutPoint], last: Sequence[RolloutPoint]) -> Finding | None:
    """The model has become certain of answers that are mostly wrong."""
    now, then = _mean(last, "entropy"), _mean(first, "entropy")
    if now >= CERTAIN * then or _mean(last, "right") > LOST:
        return None
    message = f"the entropy of a token fell from {then:.2f} to {now:.2f} nats, and few answers are right"
    return _finding("entropy_collapse", message, last, "lower learning_rate, raise temperature, or set kl above 0")


def reward_without_right(first: Sequence[RolloutPoint], last: Sequence[RolloutPoint]) -> Finding | None:
    """The reward has risen, and fewer answers are right."""
    right, before = _mean(last, "right"), _mean(first, "right")
    if right >= LOST * before or _mean(last, "reward") <= _mean(first, "reward"):
        return None
    message = f"the reward rose, while the share of right answers fell from {before:.0%} to {right:.0%}"
    return _finding("reward_without_right", message, last, "lower form_reward and length_penalty")


def far_from_start(first: Sequence[RolloutPoint], last: Sequence[RolloutPoint]) -> Finding | None:
    """The model is far from where it began."""
    if any(point.kl <= FAR for point in last):
        return None
    message = f"the model is {last[-1].kl:.1f} nats per token from the weights at the start"
    return _finding("far_from_start", message, last, "lower learning_rate, or raise kl")


CHECKS: tuple[Callable[[Sequence[RolloutPoint], Sequence[RolloutPoint]], Finding | None], ...] = (
    nothing_to_learn,
    empty_answers,
    endless_answers,
    certain_and_wrong,
    reward_without_right,
    far_from_start,
)


def _mean(points: Sequence[RolloutPoint], name: str) -> float:
    return fmean(getattr(point, name) for point in points)


def _finding(code: str, message: str, last: Sequence[RolloutPoint], fix: str) -> Finding:
    numbers = f"mean reward {_mean(last, 'reward'):.2f}, {_mean(last, 'right'):.0%} right"
    where = f"since step {last[0].step}"
    return Finding(code=code, message=f"{where} {message} ({numbers})", where="train.yaml", fix=fix)
