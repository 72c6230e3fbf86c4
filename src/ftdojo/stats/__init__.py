"""Estimates with intervals, and what may be concluded from them: pure functions of numbers. Everything that ftdojo
claims about a score goes through here.

``interval`` is about one set of items, ``misclassification`` about one that an imperfect judge has scored,
``permutation`` about two systems on the same items, ``sequential`` about a part of them, ``noninferiority`` about
losses that are acceptable, ``crossed`` about items and seeds together, ``recipe`` about what other seeds would give,
``ranking`` about several tasks, ``testing`` about several claims at once, ``power`` about how many seeds a claim would
need, ``learning_curve`` about what more training would buy.
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
from ftdojo.stats.misclassification import Agreement, beats_chance, corrected_mean
from ftdojo.stats.noninferiority import Retention, judge_loss
from ftdojo.stats.permutation import sign_flips
from ftdojo.stats.power import power, seeds_needed
from ftdojo.stats.ranking import mean_ranks, normalized, ranks
from ftdojo.stats.recipe import SeedVariance, pool_seed_variance, recipe_difference
from ftdojo.stats.sequential import Comparison, interleave, is_futile, looks
from ftdojo.stats.testing import Tally, holm

__all__ = [
    "CONFIDENCE",
    "Agreement",
    "Comparison",
    "Crossed",
    "Estimate",
    "Retention",
    "SeedVariance",
    "Tally",
    "beats_chance",
    "bootstrap",
    "corrected_mean",
    "crossed",
    "crossed_pooled",
    "holm",
    "interleave",
    "is_futile",
    "judge_loss",
    "looks",
    "mean_over",
    "mean_ranks",
    "normalized",
    "paired_difference",
    "pool_seed_variance",
    "power",
    "ranks",
    "recipe_difference",
    "resampled",
    "seeds_needed",
    "sign_flips",
    "stratified_mean",
]
