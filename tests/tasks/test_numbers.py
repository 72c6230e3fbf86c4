"""Numbers in text: how they may be written, and when two of them are the same."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.tasks.numbers import first_number, gold_number

WRITTEN = [
    ("1000", ["1,000", "1 000", "1\u00a0000", "1\u202f000.0", "10^3", "10³", "10**3", "1e3", "1K", "1 Tsd."]),
    ("1234567.5", ["1,234,567.5", "1.234.567,5", "1 234 567,5"]),
    ("3.5", ["3½", "3,5", "7/2", "0.35 × 10^1", "35·10⁻¹", r"0.35 \times 10^{1}"]),
    ("6.02e23", ["6.02 × 10^23", "6.02x10^{23}", r"6.02 \cdot 10^{ 23 }", "6.02*10**23", "6.02 × 10²³"]),
    ("0.000012", ["1.2 × 10^-5", r"1.2 \times 10^{-5}", "1.2e-5", "12·10⁻⁶"]),
    ("1.5 million", ["1,500,000", "1.5 Mio.", "1.5M", "$1.5 mn", "0.0015 billion", "150万", "15 lakh", "1.5"]),
    ("2 billion", ["2bn", "US$2B", "2,000 million", "20亿", "2 Mrd. Euro", "2000000000"]),
    ("1100000", ["1.1 million", "1.1M", "11 lakh"]),
    ("2300000000", ["2.3 billion", "2.3bn"]),
    ("1024", ["2^10", "2**10 = 1024"]),
    ("EUR 5", ["5", "5 €", "EUR 5.00"]),
    ("-4", ["−4", "-4 °C", "$-4", "-0.4 × 10^1"]),
    ("10 km", ["10", "10 km"]),
]  # fmt: skip
OTHER = [
    ("1.5 million", ["1.5 billion", "1.5B", "1.5 thousand", "15", "1500"]),
    ("$1.5M", ["1.5B", "$1.5bn", "1.5K"]),
    ("9007199254740993", ["9007199254740992", "9,007,199,254,740,992"]),
    ("1000", ["1", "10^2", "10^-3", "2^3", "1 million"]),
    ("5", ["5^2", "5²", "H2O", "5 × 10^3"]),
    ("12", ["12345", "COVID-12"]),
]


def same(gold: str, output: str) -> bool:
    expected = gold_number(gold)
    found = first_number(output, fractions=expected.value.denominator > 1)
    return found is not None and found.error(expected) == 0


@pytest.mark.parametrize(("gold", "outputs"), WRITTEN)
def test_what_is_the_same_number(gold: str, outputs: list[str]) -> None:
    assert [output for output in outputs if not same(gold, output)] == []


@pytest.mark.parametrize(("gold", "outputs"), OTHER)
def test_what_is_another_number(gold: str, outputs: list[str]) -> None:
    assert [output for output in outputs if same(gold, output)] == []


def test_an_error_is_in_the_unit_of_the_right_answer() -> None:
    gold = gold_number("1.5 million")
    for output in ("1.4 million", "1,400,000", "1.4", "0.0014 billion"):
        found = first_number(output, fractions=True)
        assert found is not None
        assert found.error(gold) == Fraction(1, 10)


@pytest.mark.parametrize(
    "gold", ["10^3", "1 000 €", "6.02 × 10^23 mol^-1", "1.5 million dollars", "½", "2 Mrd. Euro", "EUR 5"]
)
def test_a_gold_answer_may_be_written_as_outputs_are(gold: str) -> None:
    assert same(gold, gold)


@pytest.mark.parametrize("gold", ["1 000 to 2 000", "10^3 and 5", "million", "5 million 3", "1e999", "9^999^9", "1 00"])
def test_a_gold_answer_that_is_more_or_less_than_a_number_is_refused(gold: str) -> None:
    with pytest.raises(ValueError, match="number"):
        gold_number(gold)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_a_number_is_itself(value: float) -> None:
    if isinstance(value, float) and value and abs(math.log10(abs(value))) > 300:
        return
    assert same(repr(value), f"The answer is {value!r}.")


@pytest.mark.parametrize("text", ["9" * 5000, "9" * 4000 + "^999", "1e9999", "2^" + "9" * 500, "1 000" * 3000, "1/0"])
def test_what_is_too_large_is_no_number_and_takes_no_time(text: str) -> None:
    assert first_number(text, fractions=True) is None or text.startswith(("1 000", "2^"))
