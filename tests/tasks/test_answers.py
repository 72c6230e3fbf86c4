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
    if "```" not in gold and "<think>" not in gold:
        assert fields(gold, gold).score == 1.0
