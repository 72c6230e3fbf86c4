"""Repeats: iterations whose submissions are the same but for the seed of the training. Nothing of it is recorded twice:
everything here follows from a run's history.

A repeat confirms a recipe. *This model is better* is a statement about one model, and the rule of acceptance decides on
it. *This recipe is better* is a statement about what other seeds would give, and is made here.
"""

from __future__ import annotations

from collections.abc import Sequence

from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import RecipeDifference
from ftdojo.contract.submission import RECIPE_DIGEST
from ftdojo.stats import Estimate, SeedVariance, pool_seed_variance, recipe_difference


def recipe_of(iteration: Iteration) -> str | None:
    """Return the identity of the recipe: the submission without plan and seed. ``None`` if it could not be read, and in
    runs of builds that did not record it."""
    return iteration.digests.get(RECIPE_DIGEST)


def runs_of(history: Sequence[Iteration], iteration: Iteration) -> list[Iteration]:
    """Return all iterations with the recipe of this one whose evaluation is complete, in order."""
    name = recipe_of(iteration)
    complete = [i for i in history if i.score is not None and i.decision is not None and i.decision.answered is None]
    return [i for i in complete if name is not None and recipe_of(i) == name]


def first_run(history: Sequence[Iteration], iteration: Iteration) -> Iteration:
    """Return the first evaluated iteration with the recipe of this one; itself if it repeats none."""
    name = recipe_of(iteration)
    return next((i for i in history if name and i.score and recipe_of(i) == name), iteration)


def seed_variance(history: Sequence[Iteration], *, range_: float) -> SeedVariance:
    """Return the variance of a score between seeds, pooled over the repeats of the run.

    Args:
        history: all iterations.
        range_: width of the metric's range, in its unit.
    """
    firsts = [i for i in history if i.score and first_run(history, i) is i]
    groups = [[i.score.value for i in runs_of(history, one) if i.score] for one in firsts]
    return pool_seed_variance(groups, range_=range_)


def compare_recipes(history: Sequence[Iteration], number: int, *, range_: float) -> RecipeDifference | None:
    """Return the difference of an iteration's recipe to that of the best iteration before it.

    Complete evaluations of repeats are averaged. ``None`` if the iteration was not evaluated, if it repeats the best
    before it, or if the recipes are not recorded.
    """
    iteration = history[number - 1]
    if iteration.decision is None or iteration.score is None or recipe_of(iteration) is None:
        return None
    best = next((i for i in reversed(history[: number - 1]) if i.accepted), None)
    if best is not None and recipe_of(best) in (None, recipe_of(iteration)):
        return None
    gap, value = iteration.decision.difference, iteration.decision.difference.value
    ours = runs_of(history, iteration)
    theirs = runs_of(history, best) if best else []
    if ours and best and len(ours) + len(theirs) > 2:
        value = _mean(ours) - _mean(theirs)
    elif len(ours) > 1:  # against the base model
        value += _mean(ours) - iteration.score.value
    shift = value - gap.value
    found = recipe_difference(
        Estimate(value, gap.low + shift, gap.high + shift, iteration.score.n),
        seed_variance(history, range_=range_),
        runs=max(1, len(ours)),
        reference_runs=len(theirs),
    )
    return RecipeDifference(
        value=found.value,
        interval=(found.low, found.high),
        runs=max(1, len(ours)),
        reference_runs=len(theirs),
    )


def _mean(runs: Sequence[Iteration]) -> float:
    scores = [i.score.value for i in runs if i.score]
    return sum(scores) / len(scores)
