"""What more training would buy: known curves are recovered, and what is not known is not claimed."""

from __future__ import annotations

import numpy as np
import pytest

from ftdojo.stats.learning_curve import Point, forecast


def curve(amount: float, top: float = 80.0, start: float = 10.0, half: float = 100.0) -> float:
    return top - (top - start) * half / (amount + half)


def points(*amounts: float, error: float = 1.0, noise: float = 0.0, seed: int = 0, **shape: float) -> list[Point]:
    rng = np.random.default_rng(seed)
    return [Point(x, curve(x, **shape) + noise * rng.standard_normal(), error) for x in amounts]


def test_a_curve_that_is_well_measured_is_continued() -> None:
    found = forecast(points(50, 100, 200, 400, 800), [1600, 4000], worst=0, best=100)
    assert found is not None
    for estimate, amount in zip(found, (1600, 4000), strict=True):
        assert estimate.value == pytest.approx(curve(amount), abs=3)
        assert estimate.low < curve(amount) < estimate.high
        assert estimate.high - estimate.low < 25


def test_a_curve_that_is_flat_at_first_is_continued_too() -> None:
    known = [Point(132, 17.5, 3.5), Point(262, 23.3, 3.9), Point(262, 45.0, 4.6), Point(484, 86.7, 3.2)]
    found = forecast(known, [968, 2420], worst=0, best=100)
    assert found is not None
    assert 70 < found[0].value < found[1].value


def test_a_model_that_is_better_than_the_new_one_is_kept() -> None:
    known = [Point(x, y, 3.0) for x, y in ((100, 40), (200, 70), (400, 60))]
    for worst, best, kept in ((0, 100, 70), (100, 0, 30)):
        scores = known if best > worst else [Point(p.amount, 100 - p.score, p.error) for p in known]
        alone = forecast(scores, [800], worst=worst, best=best)
        better = forecast(scores, [800], worst=worst, best=best, kept=kept)
        assert alone is not None
        assert better is not None
        ends = (better[0].low, better[0].high)
        assert (min(ends) if best > worst else max(ends)) == pytest.approx(kept)
        assert abs(better[0].value - best) < abs(alone[0].value - best)


def test_a_flat_curve_promises_nothing() -> None:
    flat = [Point(x, 40.0, 2.0) for x in (100, 200, 400, 800)]
    found = forecast(flat, [1600, 4000], worst=0, best=100)
    assert found is not None
    assert all(estimate.value == pytest.approx(40, abs=5) for estimate in found)
    assert found[1].high - found[1].low > found[0].high - found[0].low > 4


def test_few_points_say_less_and_fewer_say_nothing() -> None:
    three = forecast(points(100, 200, 400), [2000], worst=0, best=100)
    five = forecast(points(50, 100, 200, 400, 800), [2000], worst=0, best=100)
    assert three is not None
    assert five is not None
    assert three[0].high - three[0].low > five[0].high - five[0].low
    assert forecast(points(100, 400), [800], worst=0, best=100) is None
    assert forecast(points(100, 105, 110, 400), [800], worst=0, best=100) is None, "these are two amounts"
    assert forecast([], [800], worst=0, best=100) is None


def test_a_metric_of_which_less_is_better_falls_to_its_best_value() -> None:
    falling = [Point(x, 10 - curve(x) / 10, 0.1) for x in (50, 100, 200, 400, 800)]
    found = forecast(falling, [4000], worst=10, best=0)
    assert found is not None
    assert found[0].value == pytest.approx(10 - curve(4000) / 10, abs=0.4)
    assert 0 <= found[0].low < found[0].high <= 10


def test_the_interval_holds_most_of_what_comes() -> None:
    """Curves and noise of many kinds; the truth is one more noisy training of five times the greatest amount."""
    rng = np.random.default_rng(1)
    held = 0
    for seed in range(60):
        shape = {"top": rng.uniform(30, 100), "start": rng.uniform(0, 30), "half": float(np.exp(rng.uniform(3, 7)))}
        known = points(100, 200, 400, 800, error=2.0, noise=3.0, seed=seed, **shape)
        known = [Point(p.amount, min(100, max(0, p.score)), p.error) for p in known]
        found = forecast(known, [4000], worst=0, best=100)
        assert found is not None
        came = min(100.0, max(0.0, curve(4000, **shape) + 3.0 * rng.standard_normal()))
        held += found[0].low - 1e-9 <= came <= found[0].high + 1e-9
    assert held >= 0.9 * 60


def test_the_same_points_give_the_same_forecast() -> None:
    known = points(100, 200, 400)
    assert forecast(known, [800], worst=0, best=100) == forecast(known, [800], worst=0, best=100)
