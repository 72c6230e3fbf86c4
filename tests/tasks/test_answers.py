"""The built-in scorers of user tasks: known verdicts; any output is handled without an exception."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftdojo.errors import InputError
from ftdojo.tasks import answers

fields = partial(answers.json_fields, metric="accuracy")
number = partial(answers.number, tolerance=0.01)
choice = partial(answers.choice, choices=["yes", "no", "not known"])
JUDGES: dict[str, tuple[answers.Judge, str]] = {
    "exact": (answers.exact, "a"),
    "json": (fields, '{"a": 1}'),
    "number": (number, "1"),
    "choice": (choice, "no"),
}


def scorer(judge: answers.Judge) -> answers.AnswerScorer:
    return answers.AnswerScorer(judge, lambda item: item["gold"], lambda item: item.get("subtask", ""))


@pytest.mark.parametrize(
    ("judge", "gold", "output", "score", "parsed"),
    [
        (answers.exact, "New York", " new\n york ", 1, True),
        (answers.exact, "New York", "<think>?</think>New York", 1, True),
        (answers.exact, "New York", "New York.", 0, True),
        (answers.exact, "New York", "<think>?</think>", 0, False),
        (fields, '{"a": "X", "b": null}', '{"b": null, "a": " x "}', 1, True),
        (fields, '{"a": "X", "b": null}', 'Here: {"a": "x", "b": null, "c": 1} done', 1, True),
        (fields, '{"a": "X", "b": null}', '{"a": "x"}', 0, True),
        (fields, '{"a": 1}', '{"a": 1.0}', 1, True),
        (fields, '{"a": 1}', '{"a": true}', 0, True),
        (fields, '{"a": 1}', '{"a": "1"}', 0, True),
        (fields, '{"a": [1, {"b": "x"}]}', '{"a": [1, {"b": "X"}]}', 1, True),
        (fields, '{"a": [1, 2]}', '{"a": [2, 1]}', 0, True),
        (fields, '{"a": 1}', "[1]", 0, False),
        (number, "1000", "about 1,005 people, 7 of them", 1, True),
        (number, "1000", "1011", 0, True),
        (number, "-0.5", "x = -.5", 1, True),
        (number, "3e8", "3.0e8 m/s", 1, True),
        (number, "0", "0.001", 0, True),
        (number, "1", "one", 0, False),
        (choice, "no", "No.", 1, True),
        (choice, "no", "Not known, no", 0, True),
        (choice, "not known", "NOT  KNOWN", 1, True),
        (choice, "no", "none", 0, False),
        (choice, "yes", "I say no, not yes", 0, True),
    ],
)
def test_known_verdicts(judge: answers.Judge, gold: str, output: str, score: int, parsed: bool) -> None:
    verdict = judge(gold, output)
    assert (verdict.score, verdict.parsed) == (score, parsed)


def test_fields_are_counted() -> None:
    gold, output = '{"a": 1, "b": 2, "c": 3, "d": 4}', '{"a": 1, "b": 0, "c": 3}'
    assert fields(gold, output).metrics == {"field_accuracy": 0.5, "valid_json": 1.0}
    by_field = answers.json_fields(gold, output, metric="field_accuracy")
    assert (by_field.score, by_field.metrics) == (0.5, {"accuracy": 0.0, "valid_json": 1.0})


def test_metrics_are_per_cent_and_subtasks_weigh_the_same() -> None:
    items = [{"id": i, "gold": '{"a": 1, "b": 2}', "subtask": s} for i, s in enumerate("xxxy")]
    scores = scorer(fields).score(items, ['{"a": 1, "b": 2}'] * 3 + ['{"a": 1}'])
    assert scorer(fields).value(scores) == 50.0
    assert scorer(fields).metrics(scores) == {"field_accuracy": 75.0, "valid_json": 100.0, "parsed": 100.0}


def test_error_classes() -> None:
    items = [{"id": i, "gold": '{"a": 1}'} for i in range(4)]
    scores = scorer(fields).score(items, ['{"a": 1}', '{"a": 2}', "none", " "])
    assert [s.error for s in scores] == [None, "wrong", "format", "empty"]


def test_every_faulty_gold_answer_is_named() -> None:
    items = [{"id": "a", "gold": "text"}, {"id": "b", "gold": '{"x": 1}'}, {"id": "c", "gold": "{}"}]
    with pytest.raises(InputError) as caught:
        scorer(fields).score(items, [""] * 3)
    assert [f.where for f in caught.value.findings] == ["item a", "item c"]
    with pytest.raises(InputError, match="none of the choices"):
        scorer(choice).score([{"id": "a", "gold": "maybe"}], [""])
    with pytest.raises(InputError, match="holds no number"):
        scorer(number).score([{"id": "a", "gold": "many"}], [""])


@pytest.mark.parametrize("name", JUDGES)
def test_hostile_outputs_are_judged_within_a_second(name: str, hostile: str) -> None:
    judge, gold = JUDGES[name]
    start = time.process_time()
    assert judge(gold, hostile).score in (0.0, 1.0)
    assert time.process_time() - start < 1.0


@pytest.mark.parametrize("name", JUDGES)
@given(output=st.text())
def test_any_text_is_judged(name: str, output: str) -> None:
    judge, gold = JUDGES[name]
    assert judge(gold, output).score in (0.0, 1.0)


@given(
    st.dictionaries(st.text(), st.integers() | st.text() | st.booleans() | st.none() | st.lists(st.text()), min_size=1)
)
def test_a_gold_object_is_right_as_its_own_answer(record: dict[str, Any]) -> None:
    gold = json.dumps(record)
    if "```" not in gold and "think>" not in gold:
        assert fields(gold, gold).score == 1.0


@pytest.mark.parametrize(
    ("gold", "right", "wrong"),
    [
        ("1/2", ["0.5", "1/2", "about 1/2 of it"], ["1", "2"]),
        ("3,5", ["3.5", "3,5"], ["35", "3"]),
        ("1,234.5", ["1234.5", "1,234.5 EUR"], ["1", "234.5"]),
        ("7 cases", ["COVID-19 cases: 7", "共有7个", "H2O: 7"], ["19", "2"]),
        ("-4", ["−4", "-4 °C", "x = -4"], ["4"]),
        ("5", ["5/10", "5-7"], ["0.5"]),
        ("$ 1,000", ["$1,000", "1000"], ["1"]),
    ],
)
def test_numbers_are_read_by_their_value(gold: str, right: list[str], wrong: list[str]) -> None:
    assert [number(gold, output).score for output in right] == [1.0] * len(right)
    assert [number(gold, output).score for output in wrong] == [0.0] * len(wrong)


@pytest.mark.parametrize("gold", ["2019-03-05", "(500)", "3 to 5", "about 5", "12 and 13", "5-7"])
def test_a_gold_answer_that_is_more_than_a_number_is_refused(gold: str) -> None:
    with pytest.raises(ValueError, match="is not one number"):
        number(gold, "5")


def test_an_absolute_tolerance_holds_where_it_is_larger() -> None:
    assert answers.number("0", "0.4", tolerance=0.01, absolute=0.5).score == 1.0
    assert answers.number("100", "100.9", tolerance=0.01, absolute=0.5).score == 1.0
    assert answers.number("0", "0.6", tolerance=0.01, absolute=0.5).score == 0.0


def test_an_error_is_the_distance_and_has_a_largest_value() -> None:
    outputs = ["10", "about 12", "1e300", "none"]
    items = [{"id": i, "gold": "10"} for i in range(4)]
    errors = answers.ErrorScorer(partial(answers.distance, worst=5.0), lambda item: item["gold"], lambda item: "")
    scores = errors.score(items, outputs)
    assert [s.score for s in scores] == [0.0, 2.0, 5.0, 5.0]
    assert [s.error for s in scores] == [None, "wrong", "wrong", "format"]
    assert errors.value(scores) == 3.0


@pytest.mark.parametrize(
    ("choices", "output", "given"),
    [
        (["正面", "负面"], "这条评论是正面的。", "正面"),
        (["肯定", "否定"], "この文は否定です。", "否定"),
        (["ปลอดภัย", "อันตราย"], "คำตอบคือปลอดภัย", "ปลอดภัย"),
        (list("ABCD"), "答案是B。", "B"),
        (list("ABCD"), "A quick look shows that the answer is B.", "B"),
        (list("ABCD"), "This is a hard one, but the answer is C.", "C"),
        (list("ABCD"), "I think A", "A"),
        (list("ABCD"), "(c)", "C"),
        (list("ABCD"), "B. Paris", "B"),
        (list("ABCD"), r"\boxed{C}", "C"),
        (list("ABCD"), "Option d.", "D"),
        (list("ab"), "a", "a"),
        (list("ABCD"), "None and nothing", None),
        (list("ABCD"), "E", None),
        (["yes", "no"], "nobody", None),
        (["yes", "no"], "是yes。", "yes"),
    ],
)
def test_which_choice_an_output_makes(choices: list[str], output: str, given: str | None) -> None:
    assert answers.chosen(output, choices) == given


def test_of_several_right_answers_the_best_verdict_counts() -> None:
    several = answers.AnswerScorer(
        answers.exact, lambda item: item["gold"][0], lambda item: "", lambda item: item["gold"]
    )
    item = {"id": "a", "gold": ["red", "blue"]}
    assert [s.score for s in several.score([item] * 3, ["blue", "red", "green"])] == [1.0, 1.0, 0.0]
    assert several.gold(item) == "red"


def test_fields_count_by_their_weight() -> None:
    gold, output = '{"a": 1, "b": 2, "note": "x"}', '{"a": 1, "b": 0}'
    weights = {"a": 3.0, "note": 0.0}
    verdict = answers.json_fields(gold, output, metric="field_accuracy", weights=weights)
    assert (verdict.score, verdict.metrics["accuracy"]) == (0.75, 0.0)
    with pytest.raises(ValueError, match="only fields of weight 0"):
        answers.json_fields('{"note": 1}', "{}", metric="accuracy", weights=weights)
