"""Rows of judged answers: their forms, their texts, their tokens and their checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ftdojo.findings import Finding
from ftdojo.models import Chat
from ftdojo.training.backend import Tokenized
from ftdojo.training.dpo import Kto
from ftdojo.training.dpo.judged import parse_judged, tokenize_judged
from ftdojo.training.sft.tokens import IGNORED

USER, YES = {"role": "user", "content": "Who?"}, {"role": "assistant", "content": "yes"}
FORMS: dict[str, dict[str, Any]] = {
    "texts": {"prompt": "Who?", "completion": "yes", "label": True},
    "messages": {"prompt": [USER], "completion": [YES], "label": True},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_answer(form: str) -> None:
    row = parse_judged({**FORMS[form], "subtask": "s"})
    assert (row.prompt, row.completion, row.good, row.subtask) == ((USER,), "yes", True, "s")
    assert not parse_judged({**FORMS[form], "label": False}).good


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"prompt": "Who?", "completion": "yes"}, "are not prompt, completion and label"),
        ({**FORMS["texts"], "rejected": "no"}, "are not prompt, completion and label"),
        ({**FORMS["texts"], "label": 1}, "'label' must be true or false"),
        ({**FORMS["texts"], "label": "true"}, "'label' must be true or false"),
        ({**FORMS["texts"], "completion": " "}, "'completion' is empty"),
        ({**FORMS["messages"], "completion": [USER, YES]}, "'completion' must be text, or a list of one message"),
    ],
)
def test_a_faulty_row_says_what_is_wrong(row: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        parse_judged(row)


@pytest.mark.parametrize("form", FORMS)
def test_a_row_can_be_written_with_other_texts_and_read_again(form: str) -> None:
    row = parse_judged({**FORMS[form], "label": False, "subtask": "s"}).with_texts(["Where?", "here"])
    again = parse_judged(json.loads(json.dumps(row.source)))
    assert (again, again.texts, again.good, again.subtask) == (row, ("Where?", "here"), False, "s")


def test_the_other_answer_is_that_of_the_row_before(tiny_model: Path) -> None:
    chat, answers = Chat(tiny_model), ["yes", "no", "perhaps"]
    rows = [
        parse_judged({"prompt": f"Question {i}?", "completion": text, "label": i > 0}) for i, text in enumerate(answers)
    ]
    made = tokenize_judged(rows, tiny_model, max_length=64).examples
    assert [pair.good for pair in made] == [False, True, True]
    for number, pair in enumerate(made):
        prompt = chat.prompt(rows[number].prompt)
        for example, text in ((pair.chosen, answers[number]), (pair.rejected, answers[number - 1])):
            assert example.input_ids[: len(prompt)] == prompt
            learned = [label for label in example.labels if label != IGNORED]
            assert learned == example.input_ids[len(prompt) :][: len(learned)]
            assert chat.decode(learned).startswith(text)


def found(made: list[dict[str, Any]], base: Path | None = None, **config: Any) -> list[Finding]:
    trainer = Kto()
    rows = [trainer.parse_row(row) for row in made]
    if base is None:
        return list(trainer.check_rows(rows))
    tokenized: Tokenized[Any] = trainer.tokenize(rows, base, max_length=64)
    return list(trainer.check_tokens(tokenized, trainer.config(**config)))


def labelled(good: int, bad: int) -> list[dict[str, Any]]:
    return [{"prompt": f"Question {i}?", "completion": "yes", "label": i < good} for i in range(good + bad)]


@pytest.mark.parametrize(("good", "word"), [(20, "good"), (0, "bad")])
def test_one_label_teaches_no_preference(good: int, word: str) -> None:
    (finding,) = found(labelled(good, 20 - good))
    assert (finding.code, finding.severity) == ("one_label", "error")
    assert f"all 20 answers are labelled {word}" in finding.message


@pytest.mark.parametrize(("both", "severity"), [(1, "warning"), (10, "error")])
def test_an_answer_with_both_labels_contradicts_itself(both: int, severity: str) -> None:
    rows = labelled(20, 10)
    (finding,) = found([*rows, *({**row, "label": False} for row in rows[:both])])
    assert (finding.code, finding.severity) == ("contradictory_labels", severity)
    assert f"{2 * both} of {30 + both} answers" in finding.message


def test_labels_out_of_balance_are_a_warning_that_names_the_weight(tiny_model: Path) -> None:
    (finding,) = found(labelled(5, 20), tiny_model)
    assert (finding.code, finding.severity) == ("unbalanced_labels", "warning")
    assert finding.fix == "set desirable_weight to 4, and the other to 1"
    assert found(labelled(5, 20), tiny_model, desirable_weight=4) == []
    (finding,) = found(labelled(20, 4), tiny_model)
    assert finding.fix == "set undesirable_weight to 5, and the other to 1"


def test_good_rows_have_no_finding(tiny_model: Path) -> None:
    assert found(labelled(15, 10)) == found(labelled(15, 10), tiny_model) == []
