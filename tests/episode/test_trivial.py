"""What is scored without learning: constants are found where a model would find them, examples fit into the context."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftdojo import tasks
from ftdojo.contract.progress import Silent
from ftdojo.contract.row import Row
from ftdojo.contract.task_spec import Record
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


def test_trivial_answers_are_measured_with_the_base_model(approve: Path, tiny_model: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    task = tasks.get(str(approve))
    data = prepare(task, "folder", home)
    told = trivial.measure(task, data, tiny_model, Store(home.stages), Silent()).answers
    gold = [task.scorer.gold(item) for item in read_items(data.validation)]
    assert told.constant_output == "yes"
    assert told.constant.value == pytest.approx(100 * gold.count("yes") / len(gold))
    assert told.majority == told.constant, "there are no sub-tasks"
    assert told.shots == 8
    assert told.few_shot is not None
    assert told.few_shot.n == len(gold)
    assert told.best(higher_is_better=True) == told.constant
    assert trivial.measure(task, data, tiny_model, Store(home.stages), Silent()).answers == told
