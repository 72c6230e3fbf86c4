"""The checks that need no model: properties that are usual for a task are no fault; and the content of messages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from ftdojo.contract.recipe import Recipe
from ftdojo.contract.row import parse_row
from ftdojo.contract.submission import Plan, Submission
from ftdojo.contract.train_config import TrainConfig
from ftdojo.data import prepare
from ftdojo.errors import InputError
from ftdojo.gates import text
from ftdojo.gates.content import Rows, check_content
from ftdojo.gates.reference import Reference, extract_answer
from ftdojo.gates.static import Static, _required, training_devices, training_settings
from ftdojo.models import linear_modules
from ftdojo.record import Home
from ftdojo.tasks.folder import load_folder
from ftdojo.tasks.rows import read_jsonl
from ftdojo.training.sft import Sft


@pytest.fixture(scope="module")
def reference(approve: Path, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    task = load_folder(approve)
    return Reference.from_file(task, prepare(task, "folder", Home(tmp_path_factory.mktemp("home"))).validation)


def rows(approve: Path, **changes: Any) -> list[dict[str, str]]:
    raw = read_jsonl(approve / "train.jsonl")
    return [{"prompt": r["request"], "completion": r["verdict"]} | changes for r in raw]


def codes(given: list[dict[str, str]], reference: Reference) -> dict[str, str]:
    try:
        found = check_content(Rows(list(map(parse_row, given)), reference), Sft())
    except InputError as error:
        found = list(error.findings)
    return {finding.code: finding.severity for finding in found}


def test_some_bad_rows_are_a_warning_and_most_are_an_error(approve: Path, reference: Reference) -> None:
    good = rows(approve)
    assert codes(good, reference) == {}
    thinking = [{**row, "completion": "<think>Who asks?</think>"} for row in good]
    assert codes(thinking[:5] + good[5:], reference) == {"no_answer": "warning"}
    assert codes(thinking, reference)["no_answer"] == "error"


def test_an_answer_outside_a_closed_set_is_none(approve: Path, reference: Reference) -> None:
    assert reference.closed
    assert reference.accepted(["yes", "No", "approved"], ["", "", ""]) == [True, True, False]
    changed = [{**row, "completion": f"approved: {row['completion']}"} for row in rows(approve)]
    assert codes(changed, reference)["wrong_answer_format"] == "error"


def test_no_finding_tells_a_question_or_a_gold_answer(approve: Path, reference: Reference) -> None:
    faulty = [{"prompt": f"Hint: {row['completion']}. {i}", "completion": "x"} for i, row in enumerate(rows(approve))]
    with pytest.raises(InputError) as caught:
        check_content(Rows(list(map(parse_row, faulty)), reference), Sft())
    said = " ".join(f.model_dump_json() for f in caught.value.findings)
    assert not any(question in said for question in reference.questions)


@pytest.mark.parametrize(
    ("template", "needed"),
    [
        ("{{ query }}", {"query"}),
        ("{% if cot %}{{ cot }}{% endif %}{{ query }}", {"query"}),
        ("{{ a or b }}", set()),
        ("{{ a | default('') }}{{ b is defined }}", set()),
        ("{% set x = meta | from_json %}{{ x['gt'] }}", {"meta"}),
        ("{% for cell in cells %}{{ loop.index }}{{ cell }}{% endfor %}{{ range(3) }}", {"cells"}),
    ],
)
def test_fields_that_a_template_asks_for_first_may_be_missing(template: str, needed: set[str]) -> None:
    assert _required(template, expression=False) == needed


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"prompt": "{{ a | no_such_filter }}"}, "no_such_filter"),
        ({"where": "a == "}, "no Jinja expression"),
        ({"where": "{{ a }}"}, "no Jinja expression"),
    ],
)
def test_templates_are_compiled_when_a_recipe_is_read(source: dict[str, str], message: str) -> None:
    whole = {"path": "a.json", "prompt": "{{ a }}", "completion": "{{ b }}", **source}
    with pytest.raises(ValueError, match=message):
        Recipe.model_validate({"sources": [whole]})


def test_gists_are_what_differs() -> None:
    assert text.gists(['{"count": "3"}', '{"count": "12"}', '{"count": "5"}']) == ["3", "12", "5"]
    assert text.gists(["yes", "yes"]) == ["yes", "yes"]


def test_a_part_of_a_longer_word_is_no_occurrence() -> None:
    assert text.occurrences("3", "c3ccc13 and 3, 33") == 1
    assert text.occurrences("", "anything") == 0


@pytest.mark.parametrize(
    ("sentence", "language"),
    [
        ("What is the sum of the numbers that are in this list, and how many of them have the same value? ", "English"),
        ("Wie groß ist die Summe der Zahlen, und welche davon werden nicht von den anderen ein zweites Mal ", "German"),
        ("CCO c1ccccc1 N#N 42 ", None),
    ],
)
def test_a_language_is_named_only_if_it_is_plain(sentence: str, language: str | None) -> None:
    assert text.language([sentence] * 40) == language
    assert text.language([sentence]) is None


def test_placeholders_are_not_latex() -> None:
    assert text.PLACEHOLDERS.findall("Find {x} and {{ name }} and %(key)s") == ["{x}", "{{ name }}", "%(key)s"]
    assert text.PLACEHOLDERS.findall(r"\frac{a}{b} + x^{n} + \boxed{k} + {\"a\": 1}") == []


def test_an_answer_is_what_is_said_after_thinking() -> None:
    assert extract_answer("<think>hm</think>yes") == "yes"
    assert extract_answer("<think>hm, yes") == ""
    assert extract_answer("yes") == "yes"


def test_linear_modules_are_without_embeddings(tiny_model: Path) -> None:
    names = {name.rpartition(".")[2] for name in linear_modules(tiny_model)}
    assert names == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def looked_at(train: TrainConfig, approve: Path, model: Path, folder: Path) -> Static:
    plan = Plan(hypothesis="h", evidence=[], focus="training", changes=[], by="test", parent=0)
    asked = Submission(folder=folder, plan=plan, train=train, program="", digest="")
    return Static(asked, load_folder(approve).spec, model, folder)


def test_4_bits_without_what_computes_with_them_are_refused(
    approve: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = looked_at(TrainConfig(method="qlora"), approve, tiny_model, tmp_path)
    assert list(training_settings(asked)) == []
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)  # as if it were not installed
    (finding,) = training_settings(asked)
    assert (finding.code, finding.where) == ("no_4bit_kernels", "train.yaml: method")
    assert list(training_settings(looked_at(TrainConfig(), approve, tiny_model, tmp_path))) == []


def test_more_devices_than_the_machine_has_are_refused(
    approve: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = looked_at(TrainConfig(devices=2), approve, tiny_model, tmp_path)
    monkeypatch.setattr("ftdojo.models.devices", lambda: 1)
    (finding,) = training_devices(asked)
    assert (finding.code, finding.where, finding.fix) == (
        "too_many_devices",
        "train.yaml: devices",
        "set it to at most 1",
    )
    monkeypatch.setattr("ftdojo.models.devices", lambda: 2)
    assert list(training_devices(asked)) == []
