"""The anytime-valid test: known answers, the guarantee held against simulation, and what it saves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.stats import Comparison, interleave, is_futile, looks, paired_difference
from ftdojo.stats.sequential import ALPHA, BLOCK

Scores = list[float]


def strata(n: int, groups: int) -> list[str]:
    return [str(i % groups) for i in range(n)]


def pair(rng: np.random.Generator, n: int, *, wins: int, losses: int) -> tuple[Scores, Scores]:
    """Differences and reference scores of ``n`` items in random order, with exactly so many wins and losses."""
    differences = np.array([1.0] * wins + [-1.0] * losses + [0.0] * (n - wins - losses))
    ties = rng.integers(0, 2, n).astype(float)
    reference = np.where(differences > 0, 0.0, np.where(differences < 0, 1.0, ties))
    order = rng.permutation(n)
    return differences[order].tolist(), reference[order].tolist()


def ruin(differences: Scores, reference: Scores, labels: list[str], target: float) -> float:
    """The greatest logarithm of the capital at any look."""
    n = len(reference)
    sizes = [size for size in looks(n) if size < n]
    return max(Comparison(differences[:size], reference, labels).log_capital(target) for size in sizes)


@pytest.mark.parametrize(("wins", "losses", "groups"), [(30, 10, 1), (30, 10, 4), (12, 2, 5), (70, 50, 2)])
def test_whoever_reaches_the_target_is_stopped_no_more_often_than_alpha(wins: int, losses: int, groups: int) -> None:
    rng, n, trials = np.random.default_rng(7), 200, 300
    target = (wins - losses) / n
    stopped = 0
    for _ in range(trials):
        differences, reference = pair(rng, n, wins=wins, losses=losses)
        labels = strata(n, groups)
        order = interleave(labels, seed=int(rng.integers(1 << 30)))
        stopped += ruin(
            [differences[i] for i in order], [reference[i] for i in order], [labels[i] for i in order], target
        ) >= -math.log(ALPHA)
    assert stopped / trials <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / trials)


def test_unequal_strata_keep_the_guarantee() -> None:
    rng, trials = np.random.default_rng(8), 300
    labels = ["a"] * 120 + ["b"] * 60 + ["c"] * 20
    stopped = 0
    for _ in range(trials):
        parts = [pair(rng, size, wins=size // 4, losses=size // 10) for size in (120, 60, 20)]
        differences, reference = ([x for part in parts for x in part[k]] for k in (0, 1))
        target = float(np.mean([np.mean(part[0]) for part in parts]))
        order = interleave(labels, seed=int(rng.integers(1 << 30)))
        stopped += ruin(
            [differences[i] for i in order], [reference[i] for i in order], [labels[i] for i in order], target
        ) >= -math.log(ALPHA)
    assert stopped / trials <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / trials)


def test_a_worse_model_is_stopped_early_and_a_better_one_never() -> None:
    rng, n = np.random.default_rng(1), 200
    worse, known = pair(rng, n, wins=10, losses=60)
    assert is_futile(Comparison(worse[:50], known, strata(n, 4)))
    better, known = pair(rng, n, wins=60, losses=10)
    assert not any(is_futile(Comparison(better[:size], known, strata(n, 4))) for size in looks(n))


def test_most_equal_models_are_stopped_before_the_end() -> None:
    rng, n, stopped = np.random.default_rng(2), 200, 0
    for _ in range(40):
        differences, reference = pair(rng, n, wins=20, losses=20)
        stopped += any(
            is_futile(Comparison(differences[:size], reference, strata(n, 4))) for size in looks(n) if size < n
        )
    assert stopped > 30


def test_what_the_answers_that_are_left_cannot_reach_is_certain() -> None:
    n = 100
    comparison = Comparison([-1.0] * 80, [1.0] * 100, [""] * n)
    assert comparison.log_capital(0.1) == math.inf, "the reference is right on all that is left"
    assert is_futile(comparison)
    assert Comparison([0.0] * 80, [0.0] * 100, [""] * n).log_capital(0.19) < math.inf
    assert Comparison([0.0] * 80, [0.0] * 100, [""] * n).log_capital(0.21) == math.inf


def test_the_target_is_what_the_complete_evaluation_needs() -> None:
    rng, n, groups = np.random.default_rng(3), 400, 4
    differences, reference = pair(rng, n, wins=60, losses=40)
    labels = strata(n, groups)
    scores = (np.array(differences) + reference).tolist()
    whole = paired_difference(scores, reference, labels)
    target = Comparison(differences, reference, labels).target()
    assert target == pytest.approx(whole.value - whole.low, rel=0.02)


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=120), st.integers(0, 9))
def test_every_prefix_has_its_share_of_every_stratum(labels: list[str], seed: int) -> None:
    order = interleave(labels, seed=seed)
    assert sorted(order) == list(range(len(labels)))
    for size in range(1, len(labels) + 1):
        for name in set(labels):
            share = size * labels.count(name) / len(labels)
            assert abs(sum(labels[i] == name for i in order[:size]) - share) <= 1.5


def test_the_order_is_fixed() -> None:
    assert interleave(list("aabbab")) == [3, 4, 5, 1, 2, 0]
    assert interleave(list("aabbab"), seed=1) != interleave(list("aabbab"))


@pytest.mark.parametrize("n", [1, 20, 48, 60, 100, 200, 300, 5000])
def test_looks_end_with_all_items_and_parts_are_not_small(n: int) -> None:
    sizes = looks(n)
    assert sizes[-1] == n
    assert sizes == sorted(set(sizes))
    parts = np.diff([0, *sizes[:-1]])
    assert all(part >= min(n, 16) for part in parts)
    assert BLOCK <= 16


def test_lengths_must_fit() -> None:
    with pytest.raises(ValueError, match="3 differences and 2 reference"):
        Comparison([0.0] * 3, [0.0] * 2, ["a"] * 2)
    with pytest.raises(ValueError, match="0 differences"):
        Comparison([], [0.0], ["a"])


def test_a_later_look_does_not_change_an_earlier_bet() -> None:
    rng, n = np.random.default_rng(5), 200
    differences, reference = pair(rng, n, wins=20, losses=20)
    first, second = looks(n)[:2]
    labels = strata(n, 4)
    before = Comparison(differences[:first], reference, labels).log_capital(0.08)
    changed = [*differences[:first], *([0.0] * (second - first))]
    after = Comparison(changed, reference, labels).log_capital(0.08)
    assert after > before, "ties are evidence for the bettor, added to what was won before"
