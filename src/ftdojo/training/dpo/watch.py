"""Whether a training on preferences has gone too far from the model that it started from.

Preferences say which of two answers is better, so both can become less likely, and answers that stand in no pair
likelier than either. Then the margin between the two still grows, and the loss still falls.
"""

from __future__ import annotations

from collections.abc import Sequence

from ftdojo.contract.feedback import RewardPoint
from ftdojo.findings import Finding

WINDOW = 5
"""The last logged steps that all have to be far, so that a single step ends nothing."""
FAR = 2.0
"""Nats per token: a token of a chosen answer is then less than a seventh as likely as at the start."""


def find_drift(points: Sequence[RewardPoint]) -> Finding | None:
    """Return the reason to stop, if there is one, given what was logged so far."""
    last = points[-WINDOW:]
    if len(last) < WINDOW or any(point.drift is None or point.drift <= FAR for point in last):
        return None
    message = (
        f"since step {last[0].step} the chosen answers are less likely than at the start, now by {last[-1].drift:.1f} "
        f"nats per token, although the margin to the rejected ones is {last[-1].margin:.2f}"
    )
    fix = "raise sft_weight or beta, or lower learning_rate"
    return Finding(code="far_from_start", message=message, where="train.yaml", fix=fix)
