"""Rows of items: what is read from them, and what is never rewarded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ftdojo.data import OverlapIndex
from ftdojo.gates.decontamination import decontaminate
from ftdojo.tasks.folder import load_folder
from ftdojo.training.grpo.reward import Output, Rewards
from ftdojo.training.grpo.rows import ItemRow, parse_item
from training.grpo.tasks import bound, items, make_task, prompts, score_here


def test_the_task_renders_the_prompt_and_reads_the_gold_answer(approve: Path) -> None:
    row = parse_item({"item": items(1)[0], "subtask": "colours"}, make_task())
    assert row.prompt == ({"role": "user", "content": "Question 0: the colour?"},)
    assert (row.completion, row.subtask, row.item) == ("red", "colours", items(1)[0])
    raw = {"request": "Form 1: Ann asks for paper.", "verdict": "yes"}
    own = parse_item({"item": raw}, load_folder(approve))
    assert own.turns == ("Form 1: Ann asks for paper.", "yes"), "raw rows of a task folder are items"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "a", "completion": "b"}, "are not item"),
        ({"item": "a question"}, "are not item"),
        ({"item": {"question": "a"}}, "has no field 'answer'"),
        ({"item": {"question": "a", "answer": " "}}, "no right answer"),
        ({"item": {"question": " ", "answer": "b"}}, "'content' is empty"),
        ({"item": {"question": "a", "answer": "b"}, "more": 1}, "are not item"),
        ({"item": None, "prompt": "a", "completion": "b"}, "must be a list"),
        ({"item": {"question": "a\ud800", "answer": "b"}}, "half a character"),
    ],
)
def test_a_faulty_row_is_named(row: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_item(row, make_task())


def test_what_is_rewarded_is_never_an_evaluation_item() -> None:
    """Its words are shuffled, as in all rows, and no answer to it is rewarded any more."""
    task = make_task()
    secret = {"question": "Which colour has the old house behind the mill at the river?", "answer": "red"}
    written = [parse_item({"item": item}, task) for item in (*items(2), secret)]
    clean = decontaminate(written, OverlapIndex.from_texts([secret["question"], "something else, of some more words"]))
    assert clean.found == 1
    *kept, shuffled = clean.rows
    assert kept == written[:2]
    assert isinstance(shuffled, ItemRow)
    assert shuffled.item is None
    assert shuffled.turns[0] != secret["question"]
    assert sorted(shuffled.turns[0].split()) == sorted(secret["question"].split())
    assert secret["question"] not in str(shuffled.source)
    assert parse_item(shuffled.source, task) == shuffled, "it is read again from the stored rows"
    rewards = Rewards(score_here(task), higher_is_better=True)
    given = rewards.give([written[0].item, shuffled.item], [Output("red", 2, 4)] * 2)
    assert [(reward.value, reward.right) for reward in given] == [(1.0, True), (0.0, False)]


def test_a_reward_has_the_parts_that_the_configuration_asks_for() -> None:
    rewards = Rewards(score_here(make_task()), higher_is_better=True, form_reward=0.2, length_penalty=0.4)
    item = items(1)[0]
    right, wrong, blank = rewards.give([item] * 3, [Output("red", 2, 8), Output("blue", 8, 8), Output("", 1, 8)])
    assert right.value == pytest.approx(1 + 0.2 - 0.1)
    assert right.score == 1.0
    assert wrong.value == pytest.approx(0.2 - 0.4)
    assert blank.value == pytest.approx(-0.05)
    lower = Rewards(score_here(make_task()), higher_is_better=False)
    assert lower.give([item], [Output("red", 2, 8)])[0].value == -1.0


def test_tokens_are_those_of_the_prompt_and_of_the_gold_answer(tiny_model: Path) -> None:
    (prompt,) = prompts(tiny_model, make_task(limit=6), 1)
    assert prompt.gold.input_ids[: len(prompt.asked)] == prompt.asked
    assert prompt.label_tokens == prompt.tokens - len(prompt.asked) > 0
    assert prompt.limit == 6
    task = make_task()
    rows = [bound(task).parse_row({"item": items(1)[0]})]
    short = bound(task).tokenize(rows, tiny_model, max_length=len(prompt.asked))
    assert short.examples == [], "a prompt that leaves no room for an answer"
    assert short.statistics.unlabelled == 1
