"""Which iterations repeat which, and what their repeats say about a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ftdojo.contract import submission
from ftdojo.contract.feedback import EvaluationFeedback, ExecutionFeedback, Feedback, Interval
from ftdojo.contract.protocol import Decision, Iteration
from ftdojo.contract.repeats import compare_recipes, first_run, runs_of, seed_variance
from ftdojo.contract.result import Score, StageSeconds
from ftdojo.contract.submission import RECIPE_DIGEST

PLAN = {"parent": 0, "hypothesis": "h", "evidence": [], "focus": "both", "changes": []}
RECIPE = {"sources": [{"path": "train.jsonl", "prompt": "{{ a }}", "completion": "{{ b }}"}]}


def identity(folder: Path, train: dict[str, Any], **plan: Any) -> str:
    folder.mkdir()
    for name, content in (("plan", {**PLAN, **plan}), ("train", train), ("recipe", RECIPE)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return submission.read(folder).require().but_seed


def test_plan_and_seed_make_no_other_recipe(tmp_path: Path) -> None:
    one = identity(tmp_path / "1", {"epochs": 2})
    assert identity(tmp_path / "2", {"epochs": 2.0, "seed": 7}, hypothesis="again") == one
    assert identity(tmp_path / "3", {"epochs": 3}) != one


def iteration(
    number: int, recipe: str | None, value: float, gap: float, *, accepted: bool = False, answered: int | None = None
) -> Iteration:
    score = Score(metric="accuracy", value=value, interval=(value - 10, value + 10), n=answered or 100)
    evaluation = EvaluationFeedback(
        score=score, parsed=1.0, subtasks={}, subtask_parsed={}, errors={}, metrics={}, to_best=None, samples=[]
    )
    execution = ExecutionFeedback(seconds=StageSeconds(), reused=[], findings=[])
    difference = Interval(value=gap, low=gap - 4, high=gap + 4)
    return Iteration(
        number=number,
        digests={} if recipe is None else {RECIPE_DIGEST: recipe},
        plan=None,
        feedback=Feedback(execution=execution, evaluation=evaluation),
        decision=Decision(accepted=accepted, difference=difference, reason="", answered=answered),
    )


def test_a_gain_of_one_seed_is_one_of_the_model_and_repeats_make_it_one_of_the_recipe() -> None:
    history = [iteration(1, "a", 50, 12, accepted=True), iteration(2, "b", 62, 12, accepted=True)]
    single = compare_recipes(history, 2, range_=100)
    assert single is not None
    assert (single.value, single.runs, single.reference_runs) == (12, 1, 1)
    assert single.interval[0] < 0, "the seeds alone may have done it"
    for number in range(3, 9):
        history += [iteration(number, "ab"[number % 2], 50 + 12 * (number % 2), 0)]
    repeated = compare_recipes(history, 2, range_=100)
    assert repeated is not None
    assert (repeated.value, repeated.runs, repeated.reference_runs) == (12, 4, 4)
    assert repeated.interval[0] > 0


def test_repeats_are_averaged() -> None:
    history = [
        iteration(1, "a", 50, 12, accepted=True),
        iteration(2, "b", 62, 12, accepted=True),
        iteration(3, "b", 56, -6),
    ]
    found = compare_recipes(history, 2, range_=100)
    assert found is not None
    assert (found.value, found.runs, found.reference_runs) == (9, 2, 1)
    assert first_run(history, history[2]).number == 2
    assert [i.number for i in runs_of(history, history[1])] == [2, 3]
    assert compare_recipes(history, 3, range_=100) is None, "a repeat of the best is no other recipe"
    assert seed_variance(history, range_=100).value == pytest.approx((4 * 25 + 18) / 5)


def test_against_the_base_model_there_is_one_seed_only() -> None:
    found = compare_recipes([iteration(1, "a", 50, 30, accepted=True)], 1, range_=100)
    assert found is not None
    assert found.reference_runs == 0
    assert found.interval[0] > 0


def test_parts_of_evaluations_are_not_averaged() -> None:
    history = [
        iteration(1, "a", 50, 12, accepted=True),
        iteration(2, "b", 40, -10, answered=40),
        iteration(3, "b", 30, -20, answered=40),
    ]
    assert runs_of(history, history[1]) == []
    found = compare_recipes(history, 2, range_=100)
    assert found is not None
    assert (found.value, found.runs) == (-10, 1)


def test_runs_of_earlier_builds_say_nothing_about_recipes() -> None:
    history = [iteration(1, None, 50, 12, accepted=True), iteration(2, None, 62, 12)]
    assert compare_recipes(history, 1, range_=100) is None
    assert first_run(history, history[1]) is history[1]
    assert runs_of(history, history[1]) == []
