"""Fact checking, numerical reasoning, data analysis: scores, prompts, and the twin's proof of itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ftdojo.errors import InputError
from ftdojo.tasks.check import check, training_pairs
from ftdojo.tasks.rows import read_jsonl
from ftdojo.tasks.spec import ItemScore, Task
from ftdojo_tasks import table
from scoring_fixtures import CpuSeconds

TASKS = {task.spec.id.partition("/")[2]: task for task in table.tasks()}
TEXT_TASKS = ("fact_checking", "numerical_reasoning", "data_analysis")
ITEM = {
    "id": "t1",
    "subtask": "",
    "table": {"columns": ["year", "films"], "data": [["2012", "3"], ["2013", "4"]]},
    "question": "Total films?",
    "instruction": "You are a table analyst.",
    "answer": "7",
}


def score(name: str, output: str, **changes: Any) -> ItemScore:
    (verdict,) = TASKS[name].scorer.score([{**ITEM, **changes}], [output])
    return verdict


def test_the_prompt_shows_the_table_as_text() -> None:
    (turn,) = TASKS["fact_checking"].prompt(ITEM)
    assert "\n\nTable:\nyear | films\n------------\n2012 | 3\n2013 | 4\n\nQuestion: Total films?\n" in turn["content"]
    assert turn["content"].startswith("You are a table analyst.")
    assert turn["content"].endswith("\n\nAnswer:")
    assert TASKS["fact_checking"].prompt({**ITEM, "table": json.dumps(ITEM["table"])}) == [turn]


@pytest.mark.parametrize(
    ("output", "right", "parsed", "error"),
    [
        ("Final Answer: 7", 1.0, True, None),
        ("3 + 4\nFinal Answer: **7**", 1.0, True, None),
        ("7", 1.0, True, None),
        ("The total is 7", 0.0, False, "format"),
        ("Final Answer: 8", 0.0, True, "wrong"),
        ("", 0.0, False, "empty"),
        (" \n", 0.0, False, "empty"),
    ],
)
def test_exact_matches(output: str, right: float, parsed: bool, error: str | None) -> None:
    verdict = score("numerical_reasoning", output)
    assert (verdict.score, verdict.parsed, verdict.error) == (right, parsed, error)


@pytest.mark.parametrize(
    ("subtask", "gold", "output", "expected"),
    [
        ("correlationanalysis", "Strong positive correlation, 0.95", "Final Answer: 0.9", 1.0),
        ("trendforecasting", "100", "Final Answer: 120", 0.0),
        ("impactanalysis", "Positive impact", "Final Answer: positive impact.", 1.0),
        ("impactanalysis", "Positive impact", "Final Answer: positive", 0.0),
        ("other", "sales fell because of rain", "Final Answer: sales fell because of rain", 1.0),
        ("other", "sales fell because of rain", "Final Answer: nothing of that kind", 0.222222),
    ],
)
def test_data_analysis_has_a_rule_for_each_subtask(subtask: str, gold: str, output: str, expected: float) -> None:
    assert score("data_analysis", output, subtask=subtask, answer=gold).score == pytest.approx(expected, abs=0.05)


def test_the_core_metric_is_a_mean_over_subtasks() -> None:
    items = [{**ITEM, "subtask": s} for s in ("impactanalysis", "impactanalysis", "trendforecasting")]
    scores = TASKS["data_analysis"].scorer.score(items, ["7", "8", "7.5"])
    assert TASKS["data_analysis"].scorer.value(scores) == 75.0
    assert TASKS["data_analysis"].scorer.metrics(scores) == {"parsed": pytest.approx(200 / 3)}


def test_an_item_of_another_task_is_refused() -> None:
    with pytest.raises(InputError, match="item t1"):
        score("fact_checking", "x", subtask="else")


@pytest.mark.parametrize("answer", [None, " ", []])
def test_an_item_whose_gold_answer_cannot_be_read_is_wrong(answer: Any) -> None:
    assert score("fact_checking", "x", answer=answer).error == "bad_gold"


def test_a_gold_answer_may_be_a_number() -> None:
    assert score("numerical_reasoning", "Final Answer: 7", answer=7).score == 1.0


@pytest.mark.parametrize("subtask", ["correlationanalysis", "impactanalysis", "other"])
def test_hostile_outputs_are_scored(hostile: str, subtask: str, cpu_seconds: CpuSeconds) -> None:
    def call() -> ItemScore:
        return score("data_analysis", f"Final Answer: {hostile}", subtask=subtask, answer="rain fell. It was 5.")

    assert cpu_seconds(call) < 2
    assert 0.0 <= call().score < 1.0


@pytest.fixture(scope="module", params=TEXT_TASKS)
def twin(request: pytest.FixtureRequest, twins: Callable[[str], Path]) -> tuple[Task, Path]:
    return TASKS[request.param].variant("twin")[1], twins(f"table/{request.param}")


def test_the_twin_proves_itself(twin: tuple[Task, Path]) -> None:
    task, folder = twin
    report = check(task, folder)
    assert report.ok, report.findings
    assert report.items == {"validation": 100, "test": 100}


def test_training_prompts_are_those_of_the_evaluation(twin: tuple[Task, Path]) -> None:
    task, folder = twin
    (source,) = task.spec.raw_sources
    rows = read_jsonl(folder / "raw" / source.path)
    renderings = {rendering.name: rendering for rendering in source.renderings}
    own = [
        row
        for row in rows
        if row["instruction_type"] == "TCoT" and row["qtype"] in source.description.split("here ")[1]
    ]
    prompts = {task.question(row).strip() for row in own}
    for name in ("answer", "rationale"):
        pairs = list(training_pairs(renderings[name], rows))
        assert len(pairs) > 500
        assert {prompt for prompt, _ in pairs} <= prompts
        assert all("Final Answer: " in completion for _, completion in pairs)


def test_most_training_answers_are_right(twin: tuple[Task, Path]) -> None:
    task, folder = twin
    (source,) = task.spec.raw_sources
    answer = next(rendering for rendering in source.renderings if rendering.name == "answer")
    lengths = [len(completion) for _, completion in training_pairs(answer, read_jsonl(folder / "raw" / source.path))]
    assert max(lengths) < 250
