"""What is scored without learning: constants are found where a model would find them, examples fit into the context."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from ftdojo import models, tasks
from ftdojo.contract.progress import Silent
from ftdojo.contract.row import Row, parse_row
from ftdojo.contract.task_spec import Record, Shortcut
from ftdojo.data import prepare, read_items
from ftdojo.episode import trivial
from ftdojo.record import Home, Store
from ftdojo.tasks.spec import Task

COLOURS = """
id = "own/colours"
domain = "own"
objective = "Name the colour or the size."
output_format = "one word"
metric = "accuracy"
scorer = "exact"
prompt = "{{ thing }}"
answer = "{{ said }}"
subtask = "kind"
max_new_tokens = 4
"""
GOLD = {"colour": ["red", "red", "red", "blue"], "size": ["big", "big", "small", "red"]}


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Two sub-tasks: three of four colours are red, two of four sizes are big, and one is called red."""
    folder = tmp_path / "colours"
    folder.mkdir()
    (folder / "task.toml").write_text(COLOURS)
    for name, copies in [("train", 3), ("eval", 2)]:
        rows = [
            {"thing": f"{name} {kind} {i} {copy}", "kind": kind, "said": said}
            for kind, answers in GOLD.items()
            for i, said in enumerate(answers)
            for copy in range(copies)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def answered(*completions: str, subtask: str = "") -> list[Row]:
    return [
        Row(({"role": "user", "content": f"question {i}"},), completion, subtask)
        for i, completion in enumerate(completions)
    ]


def items_of(task: Task, home: Home) -> list[Record]:
    return read_items(prepare(task, next(iter(task.variants)), home).validation)


def test_the_best_constant_is_that_of_all_items_and_of_every_subtask(colours: Path, tmp_path: Path) -> None:
    task = tasks.get(str(colours))
    chosen = trivial.choose(task, items_of(task, Home(tmp_path / "home")), ["blue", "big", "red", "small"])
    assert chosen.whole == "red"
    assert chosen.parts == {"colour": "red", "size": "big"}
    assert chosen.output({"subtask": "size"}) == "big"
    assert chosen.output({"subtask": "weight"}) == "red"


def test_candidates_are_the_shortcuts_and_the_frequent_answers_of_every_subtask() -> None:
    task = tasks.get("chemistry/mol_und")
    shortcuts = [shortcut.output for shortcut in task.spec.shortcuts]
    rows = [*answered("1", "1", "2", "2", "2", "3", subtask="count"), *answered("CC", "CCO", subtask="scaffold")]
    assert trivial.candidates(task, rows) == [*shortcuts, "2", "1", "CC"]


def test_examples_are_of_the_items_own_subtask_and_differ_in_their_answers() -> None:
    task = tasks.get("chemistry/mol_und")
    rows = [*answered(*["yes"] * 20, "no", subtask="equivalence"), *answered("1", "2", "3", "4", subtask="fg_count")]
    item = {"id": "1", "subtask": "equivalence", "query": "the same?"}
    shown = trivial.with_shots(task, rows, 2)
    turns = shown.prompt(item)
    assert [turn["role"] for turn in turns] == ["user", "assistant"] * 2 + ["user"]
    assert {turns[1]["content"], turns[3]["content"]} == {"yes", "no"}
    assert turns[-1]["content"] == "the same?"
    assert shown.prompt(item) == turns
    assert shown.version != trivial.with_shots(task, rows, 4).version != task.version
    other = shown.prompt({"id": "2", "subtask": "not seen", "query": "?"})
    assert len(other) == 5


def test_long_examples_are_fewer(approve: Path, tiny_model: Path, tmp_path: Path) -> None:
    task = tasks.get(str(approve))
    items = read_items(prepare(task, "folder", Home(tmp_path)).validation)
    chat = models.Chat(tiny_model)
    for words, shots in ((10, 8), (150, 4), (300, 2), (800, 1)):
        rows = [parse_row({"prompt": f"{i} " + "the " * words, "completion": str(i)}) for i in range(10)]
        assert trivial._count_shots(task, rows, items, tiny_model) == shots
        assert shots == 1 or len(chat.prompt(trivial.with_shots(task, rows, shots).prompt(items[0]))) <= 1024
    assert trivial._count_shots(task, [], items, tiny_model) == 0


def test_trivial_answers_are_measured_with_the_base_model(approve: Path, tiny_model: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    task = tasks.get(str(approve))
    data = prepare(task, "folder", home)
    told = trivial.measure(task, data, tiny_model, Store(home.stages), Silent(), split="validation").answers
    gold = [task.scorer.gold(item) for item in read_items(data.validation)]
    assert told.constant_output == "yes"
    assert told.constant.value == pytest.approx(100 * gold.count("yes") / len(gold))
    assert told.majority == told.constant, "there are no sub-tasks"
    assert told.shots == 8
    assert told.few_shot is not None
    assert told.few_shot.n == len(gold)
    assert told.best(higher_is_better=True) == told.constant
    assert trivial.measure(task, data, tiny_model, Store(home.stages), Silent(), split="validation").answers == told


def test_what_agents_see_is_chosen_by_the_rows_and_by_no_gold_answer(
    colours: Path, tiny_model: Path, tmp_path: Path
) -> None:
    """The same rows with other right answers on validation and test: the scores change, the constants do not."""
    rows = [json.loads(line) for line in (colours / "eval.jsonl").read_text().splitlines()]
    other = shutil.copytree(colours, tmp_path / "other")
    (other / "eval.jsonl").write_text("".join(json.dumps({**row, "said": "blue"}) + "\n" for row in rows))
    home, found = Home(tmp_path / "home"), []
    for folder in (colours, other):
        task = tasks.get(str(folder))
        data = prepare(task, "folder", home)
        measured = {
            split: trivial.measure(task, data, tiny_model, Store(home.stages), Silent(), split=split).answers
            for split in ("validation", "test")
        }
        found.append(measured)
    seen = [measured["validation"] for measured in found]
    assert [answers.constant_output for answers in seen] == ["red", "red"]
    assert [answers.majority_outputs for answers in seen] == [{}, {}], "rows of a folder name no sub-task"
    assert seen[0].constant.value == pytest.approx(50, abs=15)
    assert seen[1].constant.value == 0
    assert [measured["test"].constant_output for measured in found] == ["red", "blue"]


def test_a_documented_shortcut_is_taken_where_it_may_score_more_than_any_frequent_answer() -> None:
    shortcut = Shortcut(name="one and yes", output='{"count": "1", "output": "Yes"}', at_most=40.0)
    spec = replace(tasks.get("chemistry/mol_und").spec, shortcuts=(shortcut,))
    rows = [*answered("1", "1", "2", subtask="fg_count"), *answered("Yes", "No", "No", subtask="equivalence")]
    assert trivial.expect(spec, rows).parts == {"fg_count": "1", "equivalence": "No"}
    assert trivial.expect(spec, rows).whole == '{"count": "1", "output": "Yes"}', "40 of 100, the others 33.3"
    frequent = answered("1", "1", "2", subtask="fg_count")
    assert trivial.expect(spec, frequent).whole == "1"
    assert trivial.expect(replace(spec, shortcuts=()), []).whole == ""


def test_the_few_shot_prompt_answers_a_part_of_many_validation_items_evenly_over_subtasks(
    colours: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trivial, "ASKED", 4)
    home = Home(tmp_path / "home")
    task = tasks.get(str(colours))
    data = prepare(task, "folder", home)
    measured = trivial.measure(task, data, tiny_model, Store(home.stages), Silent(), split="validation")
    whole = len(read_items(data.validation))
    assert measured.answers.few_shot is not None
    assert (measured.answers.few_shot.n, measured.answers.constant.n) == (4, whole)
    assert Counter(verdict.subtask for verdict in measured.verdicts["few_shot"]) == {"colour": 2, "size": 2}
    on_test = trivial.measure(task, data, tiny_model, Store(home.stages), Silent(), split="test").answers
    assert on_test.few_shot is not None
    assert on_test.few_shot.n == len(read_items(data.sealed_test))
