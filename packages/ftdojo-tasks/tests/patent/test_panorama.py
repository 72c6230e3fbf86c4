"""The three scorers of PANORAMA: the reference's extraction and metrics on known outputs."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.tasks import registry
from ftdojo.tasks.spec import ItemScore
from ftdojo_tasks.patent import noc4pc, par4pc, pi4pc
from scoring_fixtures import CpuSeconds

NAMES = ("par4pc", "pi4pc", "noc4pc")
TASKS = {name: registry.get(f"patent/{name}") for name in NAMES}
CONTEXT = {"title": "Cup", "abstract": "A cup.", "claims": ["A cup with a rim.", "The cup of 1 with a lid."]}
OPTION = {"patent_id": "US1", "title": "Lid", "abstract": "A lid.", "claims": ["A lid."]}
ITEMS: dict[str, dict[str, Any]] = {
    "par4pc": {
        "id": "a",
        "application_number": 10000001,
        "claim_number": 1,
        "context": CONTEXT,
        "options": dict.fromkeys("ABCDEFGH", OPTION),
        "gold_answers": ["A", "C"],
        "silver_answers": ["B"],
    },
    "pi4pc": {
        "id": "b",
        "application_number": 10000002,
        "claim_number": 2,
        "context": json.dumps(CONTEXT),
        "prior_art_specification": json.dumps({**OPTION, "specification": "[0001] …"}),
        "options": json.dumps({"17": "a valve", "4": "background", "12": "a lid", "21": "x", "30": "y"}),
        "gold_answers": [12],
        "silver_answers": [17],
    },
    "noc4pc": {
        "id": "c",
        "application_number": 10000003,
        "claim_number": 1,
        "context": json.dumps(CONTEXT),
        "prior_art_specifications": json.dumps([{**OPTION, "paragraphs": [{"key": 12, "content": "a timer"}]}]),
        "answer": json.dumps({"code": "103", "reason": "…"}),
    },
}


def score(name: str, text: str, **changes: Any) -> ItemScore:
    (verdict,) = TASKS[name].scorer.score([{**ITEMS[name], **changes}], [text])
    return verdict


@pytest.mark.parametrize(
    ("output", "letters"),
    [
        ('{"answer": "A"}', ["A"]),
        ('```json\n{"answer": ["A", "C", "F"]}\n```', ["A", "C", "F"]),
        ('```json\n{"answer": "B"}\n```\n```json\n{"answer": "C"}\n```', ["B"]),
        ('```\n{"answer": "A, C"}\n```', ["A", "C"]),
        ('{"answer": "AC"}', ["AC"]),
        ('{"answer": ["AC", "D"]}', ["D"]),
        ('{"answer": ["AC"]}', []),
        ('{"other": "A"}', None),
        # The reference adds the A and the E of the word "answer" to these two.
        ('The answer: {"answer": ["A","C","F"]} done', ["A", "C", "F"]),
        ('<think>{"answer":"B"}</think>{"answer":"C"}', ["B"]),
        ("A claim is a thing", ["A"]),
        ("I choose C and f.", ["C", "F"]),
        ("nothing", None),
        ("", None),
    ],
)
def test_which_letters_are_picked(output: str, letters: list[str] | list[Any] | None) -> None:
    assert par4pc.picks(output) == letters


def test_f1_pools_the_picks_of_all_items() -> None:
    one = {**ITEMS["par4pc"], "gold_answers": ["D"]}
    scorer = TASKS["par4pc"].scorer
    scores = scorer.score([ITEMS["par4pc"], one, one], ['{"answer": ["A", "B"]}', '{"answer": "D"}', "none"])
    assert scorer.value(scores) == pytest.approx(100 * 2 * 2 / (2 * 2 + 1 + 2))
    metrics = scorer.metrics(scores)
    assert metrics["exact_match"] == pytest.approx(100 / 3)
    assert metrics["custom_score"] == pytest.approx(100 / 3)
    assert metrics["precision"] == pytest.approx(200 / 3)
    assert metrics["recall"] == 50.0


@pytest.mark.parametrize(
    ("output", "key"),
    [
        ('```json\n{"answer": 12}\n```', 12),
        ('{"answer": [17]}', 17),
        ('{"answer": 17.9}', 17),
        ('{"answer": true}', 1),
        ('{"answer": "12"}', 12),
        ('so {"answer": "17"} it is', 17),
        ("Answer: 17, not 4", 17),
        ("paragraph 0042 vs 17", 42),
        ('{"answer": "[0017]"}', 17),
        ('{"answer": 1e999}', 1),
        ("none", None),
        ("9" * 5000, None),
    ],
)
def test_which_paragraph_is_picked(output: str, key: int | None) -> None:
    assert pi4pc.pick(output) == key


def test_only_gold_paragraphs_hit() -> None:
    assert score("pi4pc", '{"answer": 12}').score == 1.0
    assert score("pi4pc", '{"answer": 17}').error == "wrong"
    assert score("pi4pc", "none").error == "format"


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ('```json\n{"code": "102"}\n```', "102"),
        ('{"code":103}', "103"),
        ('{"code": "allow"}', "ALLOW"),
        ('Well: {"code": "103"}, not 102', "103"),
        ("code: 102", "102"),
        ("not allowed, 102", "ALLOW"),
        ("reject 102 and 103", "102"),
        ('{"code": "112"}', None),
        ("", None),
    ],
)
def test_which_code_is_given(output: str, code: str | None) -> None:
    assert noc4pc.code(output) == code


def test_macro_f1_counts_unparsed_answers_as_missed() -> None:
    first = {**ITEMS["noc4pc"], "answer": json.dumps({"code": "102"})}
    items, outputs = [ITEMS["noc4pc"], first, ITEMS["noc4pc"]], ["103", "", "103"]
    scores = TASKS["noc4pc"].scorer.score(items, outputs)
    # The reference leaves the second item out: accuracy 100, macro F1 33.3.
    assert TASKS["noc4pc"].scorer.value(scores) == pytest.approx(100 / 3)
    assert TASKS["noc4pc"].scorer.metrics(scores)["accuracy"] == pytest.approx(200 / 3)


def test_prompts_show_what_is_to_be_judged() -> None:
    assert '"A cup with a rim.",\n    "The cup of 1 with a lid."' in TASKS["par4pc"].question(ITEMS["par4pc"])
    question = TASKS["pi4pc"].question(ITEMS["pi4pc"])
    assert "Target claim 2: The cup of 1 with a lid." in question
    assert "\n4: background\n12: a lid\n17: a valve" in question
    as_objects = {**CONTEXT, "claims": [{"claimNumber": i, "claim_text": t} for i, t in enumerate(CONTEXT["claims"])]}
    assert TASKS["pi4pc"].question({**ITEMS["pi4pc"], "context": as_objects}) == question
    assert "1. A lid.\n[12]: a timer" in TASKS["noc4pc"].question(ITEMS["noc4pc"])


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("par4pc", {"gold_answers": []}),
        ("par4pc", {"gold_answers": ["Z"]}),
        ("pi4pc", {"gold_answers": ["first"]}),
        ("pi4pc", {"gold_answers": None}),
        ("noc4pc", {"answer": '{"code": "112"}'}),
        ("noc4pc", {"answer": None}),
    ],
)
def test_an_item_whose_gold_answer_cannot_be_read_is_wrong(name: str, changes: dict[str, Any]) -> None:
    verdict = score(name, "x", **changes)
    assert (verdict.score, verdict.error) == (0.0, "bad_gold")


def test_numbers_of_gold_paragraphs_may_be_text() -> None:
    assert score("pi4pc", '{"answer": 12}', gold_answers=["12"]).score == 1.0


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ('{"answer": ["a", " B "]}', ["A", "B"]),
        ('{"answer": "a, c"}', ["A", "C"]),
        ('{"answer": " b"}', ["B"]),
        ('{"answer": ["and"]}', []),
        ('so "answer": "None and A"', ["A"]),
        ('so "answer": "None of them"', None),
    ],
)
def test_letters_in_any_case_and_none_within_words(output: str, expected: list[str] | None) -> None:
    assert par4pc.picks(output) == expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("code = 103", "103"),
        ("the 'code': 'allow'", "ALLOW"),
        ('my code is short; "code": "102"', "102"),
        ('{"code": ["103"]}', "103"),
        ("error code: 5; code: 103", "103"),
    ],
)
def test_codes_behind_other_marks(output: str, expected: str) -> None:
    assert noc4pc.code(output) == expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("as US7654321B2 says, 12", 12),
        ("answer = 7", 7),
        ("the 'answer': '7', not 3", 7),
        ('{"answer": [7]}', 7),
        ("paragraph p5", None),
    ],
)
def test_numbers_within_words_are_no_paragraphs(output: str, expected: int | None) -> None:
    assert pi4pc.pick(output) == expected


@pytest.mark.parametrize("name", NAMES)
def test_hostile_outputs_are_scored(name: str, hostile: str, cpu_seconds: CpuSeconds) -> None:
    for output in (hostile, f'"answer": [{hostile}', f"code: {hostile}"):
        assert cpu_seconds(partial(score, name, output)) < 2
        assert score(name, output).score < 1.0


@pytest.mark.parametrize("name", NAMES)
@given(text=st.text())
def test_any_text_is_scored(name: str, text: str) -> None:
    assert 0.0 <= score(name, text).score <= 1.0
