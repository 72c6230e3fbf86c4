"""Whether a loss is small enough: a test of non-inferiority on paired differences.

A system is not inferior if it is shown to lose less than a margin: the lower end of the two-sided 95 % interval of its
difference to the reference lies above minus the margin (Piaggio et al. 2012, Reporting of noninferiority and
equivalence randomized trials, doi 10.1001/jama.2012.87802).
"""

from __future__ import annotations

from typing import Literal

from ftdojo.stats.interval import Estimate

Retention = Literal["kept", "unclear", "lost"]
"""``kept``: shown to lose less than the margin. ``unclear``: no loss was measured, but the interval is too wide to
exclude one of the margin. ``lost``: a loss was measured, and it is not shown to be smaller than the margin."""


def judge_loss(gap: Estimate, margin: float) -> Retention:
    """Return what a paired difference says about a loss.

    The interval alone would call an equal system inferior wherever it is wider than the margin. That is so with few
    items, whatever the system does, so a system that has lost nothing is distinguished from one that has.

    Args:
        gap: the difference to the reference, in a unit in which more is better.
        margin: the loss that is acceptable, in the same unit, at least 0.

    Raises:
        ValueError: for a negative margin.
    """
    if margin < 0:
        raise ValueError(f"a margin is at least 0, got {margin}")
    if gap.low > -margin:
        return "kept"
    return "unclear" if gap.value >= 0 else "lost"
