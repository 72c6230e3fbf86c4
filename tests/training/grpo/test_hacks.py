"""Ten rewards with a hole, each named before or during a training, and their honest twins, which pass.

A guesser answers in place of a model: gold answers of other prompts, some words, and sometimes the right answer.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ftdojo.contract.feedback import RolloutPoint
from ftdojo.contract.task_spec import Record, Shortcut
from ftdojo.findings import Finding
from ftdojo.tasks.spec import Task
from ftdojo.training.grpo.checks import check_golds, check_rewards, find_shortcuts, try_shortcuts
from ftdojo.training.grpo.reward import Output, Reward, Rewards
from ftdojo.training.grpo.rows import ItemRow, parse_item
from ftdojo.training.grpo.watch import WINDOW, find_collapse
from training.grpo.tasks import COLOURS, Rule, exact, make_task, score_here

COUNT, GROUP, LIMIT = 24, 8, 64
SECRET = "qqq"
UNSURE = Shortcut(name="unsure", output="I cannot know that.", at_most=0.0)


def colours(number: int) -> Record:
    """The answer is one of a few, and not in the question."""
    return {"question": f"What colour has house {number}?", "answer": COLOURS[number % len(COLOURS)]}


def choices(number: int) -> Record:
    """The answers stand in the question."""
    return {**colours(number), "question": f"Which colour has house {number}: {', '.join(COLOURS)}?"}


def numbers(number: int) -> Record:
    """The answer is a number."""
    return {"question": f"What is {number} times 7?", "answer": str(7 * number)}


def objects(number: int) -> Record:
    """The answer is an object."""
    return {**numbers(number), "answer": json.dumps({"product": 7 * number})}


def sentences(number: int) -> Record:
    """The answer has a form."""
    return {**numbers(number), "answer": f"The final answer is {7 * number}"}


def mostly_red(number: int) -> Record:
    """Nearly all answers are the same."""
    return {**colours(number), "answer": "blue" if number == 3 else "red"}


def is_object(item: Record, output: str) -> float:
    """Whether an output has the form, whatever it says."""
    with suppress(ValueError):
        return float(isinstance(json.loads(output), dict))
    return 0.0


def is_near(item: Record, output: str) -> float:
    """Whether an output is any number of about this size."""
    return float(output.isdigit() and abs(int(output) - int(item["answer"])) < 1000)


@dataclass(frozen=True)
class Case:
    """A reward with a hole, and the rule of its honest twin on items of the same kind."""

    items: Callable[[int], Record]
    hole: Rule
    by: str
    """A shortcut that the finding names."""
    honest: Callable[[int], Record] | None = None
    """The items of the twin, if they differ."""
    listed: bool = False
    """Whether the task lists a shortcut."""


HOLES = {
    "anything is right": Case(colours, lambda item, output: 1.0, "an empty answer"),
    "nothing is right": Case(
        colours, lambda item, output: float(output.strip() in ("", item["answer"])), "an empty answer"
    ),
    "longer is better": Case(
        colours, lambda item, output: max(exact(item, output), min(1.0, len(output) / 80)), "a very long answer"
    ),
    "the form is enough": Case(objects, is_object, "always '{"),
    "the question has it": Case(choices, lambda item, output: float(item["answer"] in output), "the prompt itself"),
    "it occurs": Case(colours, lambda item, output: float(item["answer"] in output), "all frequent answers together"),
    "any number": Case(numbers, is_near, "always '"),
    "a phrase": Case(sentences, lambda item, output: float("final answer" in output), "always 'The final"),
    "the rows are constant": Case(mostly_red, exact, "always 'red'", honest=colours),
    "a listed shortcut": Case(
        colours,
        lambda item, output: float(output in (item["answer"], UNSURE.output)),
        "the task's shortcut unsure",
        listed=True,
    ),
}


def try_case(task: Task, items: Callable[[int], Record]) -> list[Finding]:
    """Return what the checks find."""
    rng = random.Random(0)
    rows = [parse_item({"item": items(number)}, task) for number in range(COUNT)]
    rewards = Rewards(score_here(task), higher_is_better=True)
    assert list(check_golds(rows, rewards)) == []

    def guess(row: ItemRow) -> str:
        return rng.choice([row.completion, rng.choice(rows).completion, "who knows", "a"])

    answers = [Output(guess(row), 4, LIMIT) for row in rows for _ in range(GROUP)]
    given = rewards.give([row.item for row in rows for _ in range(GROUP)], answers)
    groups: Sequence[Sequence[Reward]] = [given[at : at + GROUP] for at in range(0, len(given), GROUP)]
    tried = try_shortcuts(rows, find_shortcuts(rows, task.spec, LIMIT), rewards, LIMIT)
    return list(check_rewards(groups, tried))


def with_shortcut(task: Task, case: Case) -> Task:
    return replace(task, spec=replace(task.spec, shortcuts=(UNSURE,))) if case.listed else task


@pytest.mark.parametrize("name", HOLES)
def test_a_hole_is_named_before_the_training(name: str) -> None:
    case = HOLES[name]
    found = try_case(with_shortcut(make_task(case.hole), case), case.items)
    (hack,) = [finding for finding in found if finding.code == "reward_shortcut"]
    assert hack.severity == "error"
    assert case.by in hack.message
    assert "mean" in hack.message


@pytest.mark.parametrize("name", HOLES)
def test_its_honest_twin_passes(name: str) -> None:
    case = HOLES[name]
    found = try_case(with_shortcut(make_task(exact), case), case.honest or case.items)
    assert [finding for finding in found if finding.severity == "error"] == []


def test_a_hole_that_no_shortcut_finds_is_named_when_all_answers_have_become_the_same() -> None:
    """The scorer takes a word that nobody would try."""
    task = make_task(lambda item, output: float(output in (item["answer"], SECRET)))
    assert [finding for finding in try_case(task, colours) if finding.severity == "error"] == []
    rows = [parse_item({"item": colours(number)}, task) for number in range(COUNT)]
    outputs = [Output(SECRET, 2, LIMIT)] * COUNT
    given = Rewards(score_here(task), higher_is_better=True).give([row.item for row in rows], outputs)
    right = sum(reward.right for reward in given) / COUNT
    assert right == 1.0
    numbers: dict[str, Any] = {"reward": right, "score": right, "right": right, "varied": 0.1, "cut": 0.0, "kl": 0.0}
    last = RolloutPoint(step=9, **numbers, output_tokens=2.0, top_output=1.0, entropy=0.01)
    first = last.model_copy(update={"step": 1, "right": 0.3, "top_output": 0.2, "entropy": 1.0})
    found = find_collapse([first] * WINDOW + [last] * WINDOW, top_gold=1 / len(COLOURS))
    assert found is not None
    assert found.code == "one_answer"


def test_a_constant_beats_a_model_that_knows_nothing_and_is_only_a_warning() -> None:
    rewards = [[Reward(0.0, 0.0, right=False), Reward(1.0, 1.0, right=True)]] + [
        [Reward(0.0, 0.0, right=False)] * 2
    ] * 9
    rows = [parse_item({"item": colours(number)}, make_task()) for number in range(COUNT)]
    task = make_task()
    tried = try_shortcuts(
        rows, find_shortcuts(rows, task.spec, LIMIT), Rewards(score_here(task), higher_is_better=True), LIMIT
    )
    (found,) = check_rewards(rewards, tried)
    assert (found.code, found.severity) == ("reward_shortcut", "warning")
    assert "always 'red': 0.25" in found.message
    assert "(0.05)" in found.message


@pytest.mark.parametrize(("value", "fix"), [(1.0, "harder prompts"), (0.0, "supervision first")])
def test_answers_that_all_earn_the_same_teach_nothing(value: float, fix: str) -> None:
    groups = [[Reward(value, value, right=bool(value))] * 4] * 16
    (found,) = check_rewards(groups, [])
    assert (found.code, found.severity) == ("constant_reward", "error")
    assert "16 groups of 4 answers" in found.message
    assert fix in found.fix


def test_a_scorer_that_fails_is_named_as_such() -> None:
    def fails(items: Sequence[dict[str, Any]], outputs: Sequence[str]) -> list[dict[str, Any]]:
        return [{"score": 0.0, "parsed": False, "error": "unscorable: it took too long"} for _ in items]

    rewards = Rewards(fails, higher_is_better=True)
    rows = [parse_item({"item": colours(number)}, make_task()) for number in range(4)]
    assert [finding.code for finding in check_golds(rows, rewards)] == ["scorer_failed"]
    given = rewards.give([row.item for row in rows], [Output("red", 2, LIMIT)] * 4)
    assert [finding.code for finding in check_rewards([given], [])] == ["scorer_failed"]


def test_gold_answers_that_are_not_right_are_an_error() -> None:
    task = make_task(lambda item, output: float(output == "never"))
    rows = [parse_item({"item": colours(number)}, task) for number in range(COUNT)]
    (found,) = check_golds(rows, Rewards(score_here(task), higher_is_better=True))
    assert (found.code, found.severity) == ("gold_not_right", "error")
    assert "24 of 24 gold answers" in found.message
