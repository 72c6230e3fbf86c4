"""The AIME tasks: prompt, verdicts and metrics; the generated data passes the self-test."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftdojo.tasks import registry
from ftdojo.tasks.check import check

TASKS = ("math/aime25", "math/aime24")
SCORER = registry.get("math/aime25").scorer


def test_the_prompt_of_the_reference() -> None:
    for name in TASKS:
        (turn,) = registry.get(name).prompt({"id": "x", "question": "How many?", "answer": "14"})
        assert turn == {
            "role": "user",
            "content": "How many?\nRemember to put your final answer within \\boxed{}.",
        }


@pytest.mark.parametrize(
    ("output", "right", "parsed", "error"),
    [
        ("So \\boxed{14}.", 1, True, None),
        ("\\boxed{13}", 0, True, "wrong"),
        ("The answer is 14.", 0, False, "format"),
        ("\\boxed{fourteen}", 0, False, "format"),
        (" \n", 0, False, "empty"),
    ],
)
def test_known_verdicts(output: str, right: int, parsed: bool, error: str | None) -> None:
    (verdict,) = SCORER.score([{"id": "x", "question": "", "answer": "14"}], [output])
    assert (verdict.id, verdict.score, verdict.parsed, verdict.error) == ("x", right, parsed, error)


def test_metrics_name_the_stage_that_scored() -> None:
    items = [{"id": str(i), "answer": str(i)} for i in range(4)]
    scores = SCORER.score(items, ["\\boxed{0}", "\\boxed{0}", "2", ""])
    assert SCORER.value(scores) == 25.0
    assert SCORER.metrics(scores) == {"rule_accuracy": 25.0, "parsed": 50.0}


@pytest.mark.parametrize("item", [{"answer": "many"}, {"answer": None}, {}])
@pytest.mark.parametrize("output", ["", "\\boxed{1}"])
def test_an_item_whose_gold_answer_cannot_be_read_is_wrong(item: dict[str, Any], output: str) -> None:
    (verdict,) = SCORER.score([{"id": "x", **item}], [output])
    assert (verdict.score, verdict.error) == (0.0, "bad_gold")


def test_verdicts_do_not_depend_on_the_order() -> None:
    items = [{"id": str(i), "answer": str(i % 7)} for i in range(40)]
    outputs = [f"\\boxed{{x = {i % 5}}}" for i in range(40)]
    order = random.Random(1).sample(range(40), 40)
    scores = SCORER.score(items, outputs)
    assert SCORER.score([items[i] for i in order], [outputs[i] for i in order]) == [scores[i] for i in order]


@pytest.mark.parametrize("name", TASKS)
def test_the_generated_data_passes_the_self_test(name: str, twins: Callable[[str], Path]) -> None:
    task = registry.get(name)
    report = check(task, twins(name))
    assert (report.ok, report.findings) == (True, [])
    assert report.items == {"validation": 100, "test": 100}
    assert max(probe.value for probe in report.probes if probe.name != "gold") <= 3.0
