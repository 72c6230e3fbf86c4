"""The paired permutation test: known p-values."""

from __future__ import annotations

import pytest

from ftdojo.stats import Tally, sign_flips


def test_sign_flips_agree_with_the_exact_test() -> None:
    differences = [1.0] * 10 + [-1.0] * 3 + [0.0] * 20
    assert sign_flips(differences, [""] * 33) == pytest.approx(Tally.of(differences).p_value, abs=0.02)


def test_equal_systems_have_a_p_value_of_one() -> None:
    assert sign_flips([0.0] * 5, [""] * 5) == 1.0
    assert sign_flips([0.1] * 40, ["a"] * 20 + ["b"] * 20) < 0.001
