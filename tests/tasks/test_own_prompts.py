"""A task that is asked with the prompts of its owner: what is asked, what becomes of rows, and every fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ftdojo import tasks
from ftdojo.errors import InputError
from ftdojo.tasks.folder import load_folder
from ftdojo.tasks.own_prompts import TaskWithPrompts, require_prompts, with_prompts
from ftdojo.tasks.spec import Task
from ftdojo.tasks.template import compile_template, render

ROWS = [{"q": f"question {i}", "a": str(i), "kind": "odd" if i % 2 else "even", "note": ""} for i in range(9)]


@pytest.fixture
def task(task_folder: Callable[..., Path]) -> Task:
    return load_folder(task_folder(ROWS, ROWS, subtask="kind"))


def items(task: Task) -> list[dict[str, Any]]:
    return [{**row, "id": str(number), "subtask": row["kind"]} for number, row in enumerate(ROWS)]


def asked(task: Task, **templates: str) -> TaskWithPrompts:
    made = with_prompts(task, json.dumps(templates))
    assert isinstance(made, TaskWithPrompts)
    return made


def test_items_are_asked_with_the_template_of_their_sub_task_or_the_default(task: Task) -> None:
    own = asked(task, odd="Odd: {{ q }}", default="Else: {{ q }}\n")
    require_prompts(own, items(task))
    prompts = [own.prompt(item) for item in items(task)[:2]]
    assert prompts == [
        [{"role": "user", "content": "Else: question 0"}],
        [{"role": "user", "content": "Odd: question 1"}],
    ]
    assert own.question(items(task)[1]) == "Odd: question 1"
    assert with_prompts(task, None) is task


def test_documented_templates_of_rows_that_are_the_tasks_own_prompt_are_replaced(task: Task) -> None:
    own = asked(task, odd="Odd: {{ q }}", default="Else: {{ q }}")
    (source,) = own.spec.raw_sources
    template = compile_template(source.renderings[0].prompt)
    assert [render(template, row) for row in ROWS[:2]] == ["Else: question 0", "Odd: question 1"]
    (before,) = task.spec.raw_sources
    assert source.renderings[0].completion == before.renderings[0].completion
    published = tasks.get("chemistry/mol_und")
    other = asked(published, default="{{ query }}")
    assert other.spec == published.spec, "its raw data has prompts of the publisher"
    assert (own.rows_differ, other.rows_differ) == (False, True)


def test_other_prompts_are_another_version_and_the_same_data(task: Task) -> None:
    first, second = asked(task, default="A {{ q }}"), asked(task, default="B {{ q }}")
    assert len({task.version, first.version, second.version}) == 3
    assert first.for_data is task
    assert asked(task, default="A {{ q }}").version == first.version


def test_a_recorded_version_of_the_same_content_is_found_again(task: Task) -> None:
    newer = replace(task, version="new", formerly=("old",))
    own = asked(newer, default="A {{ q }}")
    recorded = own.version.replace("new", "old")
    then = own.as_recorded(recorded)
    assert (then.version, then.for_data.version) == (recorded, "old")
    assert own.as_recorded("old") is own, "that run asked with the task's own prompts"


@pytest.mark.parametrize(
    ("templates", "code", "says"),
    [
        ({"default": "{{ q }}", "ood": "{{ q }}"}, "unknown_subtask", "did you mean 'odd'"),
        ({"odd": "{{ q }}"}, "missing_prompt", "no template for the sub-task 'even'"),
        ({"default": "{{ qq }}"}, "unknown_field", "did you mean 'q'"),
        ({"default": "Answer {q}."}, "constant_prompt", "all items are asked the same"),
        ({"default": "{{ q }} {{ a }}"}, "shows_answer", "'a' is the right answer"),
        ({"default": "{{ row['absent'] }}"}, "bad_prompt", "item 0"),
        ({"default": "{{ note }}"}, "bad_prompt", "blank"),
    ],
)
def test_faults_are_found_before_anything_is_asked(task: Task, templates: dict[str, str], code: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        require_prompts(asked(task, **templates), items(task))
    found = {finding.code: f"{finding.message}; {finding.fix}" for finding in caught.value.findings}
    assert says in found[code]


def test_a_template_with_an_error_is_named(task: Task) -> None:
    with pytest.raises(InputError, match="prompts: odd: line 1") as caught:
        asked(task, odd="{{ q }")
    assert caught.value.findings[0].code == "bad_template"


def test_a_field_of_the_answer_within_json_is_found(task_folder: Callable[..., Path]) -> None:
    rows = [{**row, "a": json.dumps({"n": number})} for number, row in enumerate(ROWS)]
    task = load_folder(task_folder(rows, rows, scorer="json"))
    listed = [{**row, "id": str(number), "n": number} for number, row in enumerate(rows)]
    with pytest.raises(InputError, match="'n' is the right answer"):
        require_prompts(asked(task, default="{{ q }} {{ n }}"), listed)
    require_prompts(asked(task, default="{{ q }}"), listed)


def test_an_item_that_cannot_be_asked_is_an_input_error(task: Task) -> None:
    with pytest.raises(InputError, match="no template for the sub-task 'even'"):
        asked(task, odd="{{ q }}").prompt(items(task)[0])
    with pytest.raises(InputError, match="item 7"):
        asked(task, default="{{ q }}").prompt({"id": "7"})
