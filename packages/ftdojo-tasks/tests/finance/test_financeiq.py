"""FinanceIQ: the prompt of the reference, its extraction on known outputs, the mean over subjects."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.errors import InputError
from ftdojo.tasks import registry
from ftdojo.tasks.check import check
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.finance.financeiq import SUBJECTS, last_capital

TASK = registry.get("finance/financeiq")
SHOT = {"question": "以下哪项属于流动资产？", "A": "存货", "B": "厂房", "C": "商誉", "D": "专利", "answer": "A"}
ITEM = {"id": "x", "subtask": "税务师", **SHOT, "question": "哪一项是税？", "answer": "C", "shots": [SHOT] * 5}


def score(output: str, **changes: Any) -> ItemScore:
    (verdict,) = TASK.scorer.score([{**ITEM, **changes}], [output])
    return verdict


def test_the_prompt_of_the_reference() -> None:
    turns = TASK.prompt(ITEM)
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * 5 + ["user"]
    assert turns[1]["content"] == "答案是: A"
    assert turns[0]["content"] == (
        "以下是关于税务师的单项选择题，请直接给出正确答案的选项。\n"
        "题目：以下哪项属于流动资产？\nA. 存货\nB. 厂房\nC. 商誉\nD. 专利"
    )
    assert turns[-1]["content"].splitlines()[1] == "题目：哪一项是税？"
    assert "答案是" not in turns[-1]["content"]


@pytest.mark.parametrize(
    ("output", "letter"),
    [
        ("答案是: B", "B"),
        ("B", "B"),
        ("B. 厂房", "B"),
        ("答案是 B，参考 CPA", "A"),
        ("A or B? I say C, no doubt", "C"),
        ("b", ""),
        ("<think>C</think>b", "C"),
        ("答案是: Ｂ", "Ｂ"),
        ("Ответ: Б", "Б"),
        ("二", ""),
        ("", ""),
    ],
)
def test_the_last_capital_of_any_alphabet(output: str, letter: str) -> None:
    assert last_capital(output) == letter


@pytest.mark.parametrize(
    ("output", "right", "parsed", "error"),
    [
        ("答案是: C", 1, True, None),
        ("C", 1, True, None),
        ("答案是: B", 0, True, "wrong"),
        ("答案是 C，参考 CPA", 0, True, "wrong"),
        ("答案是: E", 0, False, "format"),
        ("答案是: Ｃ", 0, False, "format"),
        ("c", 0, False, "format"),
        (" \n", 0, False, "empty"),
    ],
)
def test_known_verdicts(output: str, right: int, parsed: bool, error: str | None) -> None:
    verdict = score(output)
    assert (verdict.score, verdict.parsed, verdict.error) == (right, parsed, error)


def test_every_subject_weighs_the_same() -> None:
    subjects = [SUBJECTS[0]] * 3 + [SUBJECTS[9]]
    items = [{**ITEM, "id": str(i), "subtask": subject} for i, subject in enumerate(subjects)]
    scores = TASK.scorer.score(items, ["C", "C", "?", "B"])
    assert TASK.scorer.value(scores) == pytest.approx(100 / 3)
    assert TASK.scorer.metrics(scores) == {"parsed": 75.0}


def test_an_item_of_another_task_is_an_error_and_never_a_zero() -> None:
    with pytest.raises(InputError, match="item x"):
        score("C", subtask="other")


@pytest.mark.parametrize("answer", ["E", "AB", ""])
def test_an_item_whose_gold_answer_cannot_be_read_is_wrong(answer: str) -> None:
    assert score("C", answer=answer).error == "bad_gold"


@given(st.text())
def test_any_text_is_scored_and_only_its_last_capital_matters(output: str) -> None:
    verdict = score(output)
    assert (verdict.error is None) == (verdict.score == 1.0)
    assert score(output + " C。").score == 1.0
    assert score(last_capital(output)).score == verdict.score


def test_hostile_outputs_are_scored_within_a_second(hostile: str) -> None:
    start = time.process_time()
    assert score(hostile).score in (0.0, 1.0)
    assert time.process_time() - start < 1.0


def test_the_generated_data_passes_the_self_test(twins: Callable[[str], Path]) -> None:
    report = check(TASK, twins("finance/financeiq"))
    assert (report.ok, report.findings) == (True, [])
    assert report.items == {"validation": 100, "test": 100}
    assert max(probe.value for probe in report.probes if probe.name != "gold") <= 25.0
