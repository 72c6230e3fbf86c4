"""Estimates with intervals, and what may be concluded from them: pure functions of numbers. Everything that ftdojo
claims about a score goes through here.

``interval`` is about one set of items, ``crossed`` about items and seeds together, ``ranking`` about several tasks,
``testing`` about several claims at once, ``power`` about how many seeds a claim would need, ``learning_curve`` about
what more training would buy.
"""

from ftdojo.stats.crossed import Crossed, crossed, crossed_pooled
from ftdojo.stats.interval import (
    CONFIDENCE,
    Estimate,
    bootstrap,
    mean_over,
    paired_difference,
    resampled,
    stratified_mean,
)
from ftdojo.stats.power import power, seeds_needed
from ftdojo.stats.ranking import mean_ranks, normalized, ranks
from ftdojo.stats.testing import Tally, holm

__all__ = [
    "CONFIDENCE",
    "Crossed",
    "Estimate",
    "Tally",
    "bootstrap",
    "crossed",
    "crossed_pooled",
    "holm",
    "mean_over",
    "mean_ranks",
    "normalized",
    "paired_difference",
    "power",
    "ranks",
    "resampled",
    "seeds_needed",
    "stratified_mean",
]
