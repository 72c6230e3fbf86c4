"""The paired permutation test: whether two systems on the same items differ by more than chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

PERMUTATIONS = 10_000
SEED = 0


def sign_flips(differences: Sequence[float], strata: Sequence[str]) -> float:
    """The two-sided p-value of the paired permutation test: that the sign of every difference is a matter of chance.

    The statistic is the unweighted mean over strata of the mean difference. The p-value is that of
    :data:`PERMUTATIONS` random flips and the observed one (Phipson and Smyth 2010, doi 10.2202/1544-6115.1585).

    Args:
        differences: one an item, shape ``(n,)``.
        strata: the stratum of each item, shape ``(n,)``.
    """
    values, labels = np.asarray(differences, dtype=float), np.asarray(strata, dtype=object)
    if not np.any(values):
        return 1.0
    groups = sorted(set(strata))
    weights = np.zeros_like(values)
    for group in groups:
        weights[labels == group] = 1.0 / (len(groups) * np.count_nonzero(labels == group))
    weighted = values * weights
    observed = abs(float(weighted.sum()))
    rng = np.random.default_rng(SEED)
    extreme = 0
    for _ in range(PERMUTATIONS // 100):
        signs = rng.integers(0, 2, size=(100, values.size)) * 2 - 1
        extreme += int(np.count_nonzero(np.abs(signs @ weighted) >= observed * (1 - 1e-12)))
    return (extreme + 1) / (PERMUTATIONS + 1)
