"""Checks of preferences: each finds its fault, and none finds it in good pairs."""

from __future__ import annotations

from typing import Any

import pytest

from ftdojo.findings import Finding
from ftdojo.training.backend import Tokenized
from ftdojo.training.dpo import Dpo
from ftdojo.training.dpo.checks import check_lengths
from ftdojo.training.dpo.pairs import Pair
from ftdojo.training.sft.tokens import Example


def rows(count: int = 30) -> list[dict[str, str]]:
    return [{"prompt": f"Question {i}?", "chosen": f"good {i}", "rejected": f"bad {i}"} for i in range(count)]


def found(made: list[dict[str, Any]]) -> list[Finding]:
    trainer = Dpo()
    return list(trainer.check_rows([trainer.parse_row(row) for row in made]))


def test_good_pairs_have_no_finding() -> None:
    """A prompt may have several pairs, also ones in which an answer is chosen and rejected against different ones."""
    more = [{"prompt": "Question 0?", "chosen": "bad 0", "rejected": "worst"}, {**rows()[1], "rejected": "worse"}]
    assert found([*rows(), *more]) == []


def test_equal_answers_are_an_error() -> None:
    (finding,) = found([*rows(), {"prompt": "Why?", "chosen": "so", "rejected": " so\n"}])
    assert (finding.code, finding.severity) == ("equal_pair", "error")
    assert "row 31" in finding.message


@pytest.mark.parametrize(("swapped", "severity"), [(1, "warning"), (20, "error")])
def test_pairs_in_both_orders_contradict_each_other(swapped: int, severity: str) -> None:
    other = [{**row, "chosen": row["rejected"], "rejected": row["chosen"]} for row in rows()[:swapped]]
    (finding,) = found([*rows(), *other])
    assert (finding.code, finding.severity) == ("contradictory_pairs", severity)
    assert f"{2 * swapped} of {30 + swapped} pairs" in finding.message


def pair(chosen: int, rejected: int) -> Pair:
    return Pair(Example([1] * chosen, [1] * chosen), Example([2] * rejected, [2] * rejected))


def test_a_length_that_decides_is_a_warning_with_its_numbers() -> None:
    (finding,) = check_lengths([pair(40, 10)] * 27 + [pair(10, 40)] * 3)
    assert (finding.code, finding.severity) == ("length_bias", "warning")
    assert all(text in finding.message for text in ("the chosen answer is longer", "90%", "37 and 13 tokens"))
    (finding,) = check_lengths([pair(10, 40)] * 30)
    assert "the rejected answer is longer" in finding.message


@pytest.mark.parametrize(
    "lengths", [[(11, 10)] * 30, [(40, 10)] * 15 + [(10, 40)] * 15, [(40, 10)] * 10], ids=["by_one", "both", "few"]
)
def test_other_lengths_are_none(lengths: list[tuple[int, int]]) -> None:
    assert list(check_lengths([pair(*both) for both in lengths])) == []


def test_answers_that_are_equal_once_they_are_cut() -> None:
    same = Pair(Example([1, 2], [1, 2]), Example([1, 2], [1, 2]))
    config = Dpo.config()
    for count, severity in ((1, "warning"), (20, "error")):
        examples = [same] * count + [pair(3, 3)] * 10
        (finding,) = Dpo().check_tokens(Tokenized(examples, statistics=None), config)  # type: ignore[arg-type]
        assert (finding.code, finding.severity) == ("equal_tokens", severity)
