"""Tests of two systems on the same items: known p-values."""

from __future__ import annotations

import pytest
from scipy import stats

from ftdojo.stats import mcnemar, sign_flips


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (5, 0), (10, 3), (7, 7)])
def test_mcnemar_is_the_exact_binomial_test(won: int, lost: int) -> None:
    expected = stats.binomtest(won, won + lost).pvalue if won + lost else 1.0
    assert mcnemar(won, lost) == pytest.approx(min(1.0, expected))
    assert mcnemar(won, lost) == mcnemar(lost, won)


def test_sign_flips_agree_with_the_exact_test() -> None:
    differences = [1.0] * 10 + [-1.0] * 3 + [0.0] * 20
    assert sign_flips(differences, [""] * 33) == pytest.approx(mcnemar(10, 3), abs=0.02)


def test_equal_systems_have_a_p_value_of_one() -> None:
    assert sign_flips([0.0] * 5, [""] * 5) == 1.0
    assert sign_flips([0.1] * 40, ["a"] * 20 + ["b"] * 20) < 0.001
