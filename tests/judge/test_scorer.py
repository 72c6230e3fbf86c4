"""A judge's verdicts on outputs, and its faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import judging
from ftdojo import tasks
from ftdojo.errors import InputError, LlmError, UsageError
from ftdojo.judge import Judge, JudgeScorer, ReplyFile, calibrate, read_judged, report
from ftdojo.llm import Patience, Transport, connect
from ftdojo.stats import Agreement
from ftdojo.tasks.spec import ItemScore
from scripted_llm import ScriptedLlm, Step, scripted

ITEMS = [judging.item(number) for number in range(6)]
GOLDS = [item["verdict"] for item in ITEMS]

Make = Callable[..., JudgeScorer]


@pytest.fixture
def task(tmp_path: Path) -> Path:
    return judging.make_task(tmp_path / "task")


@pytest.fixture
def make(task: Path, tmp_path: Path) -> Make:
    """Makes the scorer that asks a server; without one, it must not ask."""

    def connected(llm: ScriptedLlm | None) -> Transport:
        assert llm is not None, "it was asked"
        return connect("openai:m", base_url=llm.url)

    def made(llm: ScriptedLlm | None = None, *, rubric: str = judging.RUBRIC, **further: Any) -> JudgeScorer:
        return JudgeScorer(
            task=tasks.get(task),
            judge=Judge(model="openai:m", rubric=rubric),
            replies=ReplyFile(tmp_path / "replies.jsonl"),
            connect=lambda: connected(llm),
            patience=Patience(repairs=0, retries=0),
            **further,
        )

    return made


def errors(scores: list[ItemScore]) -> list[str | None]:
    return [score.error for score in scores]


def test_outputs_are_judged_once(make: Make) -> None:
    outputs = [*GOLDS[:3], "<think>no, yes</think>" + GOLDS[3], " ", judging.other(GOLDS[5])]
    with scripted(judging.fair) as llm:
        scores = make(llm).score(ITEMS, outputs)
        again = make(llm).score(ITEMS[::-1], outputs[::-1])
    assert errors(scores) == [None, None, None, None, "empty", "wrong"]
    assert [score.id for score in scores] == [f"i{number}" for number in range(6)]
    assert [score.score for score in scores] == [1, 1, 1, 1, 0, 0]
    assert [score.parsed for score in scores] == [True, True, True, True, False, True]
    assert again == scores[::-1]
    assert make().score(ITEMS, outputs) == scores  # without a server
    assert len(llm.requests) == 5
    assert all(judging.RUBRIC in body["messages"][0]["content"] for body in llm.requests)


def test_the_same_output_to_the_same_question_is_asked_once(make: Make) -> None:
    with scripted(judging.fair) as llm:
        assert errors(make(llm).score([ITEMS[0]] * 5, ["yes"] * 5)) == [None] * 5
    assert len(llm.requests) == 1


def test_another_rubric_asks_again(make: Make) -> None:
    with scripted(judging.fair) as llm:
        first, second = make(llm), make(llm, rubric="Right if polite.")
        first.score(ITEMS, GOLDS)
        second.score(ITEMS, GOLDS)
    assert len(llm.requests) == 12
    assert first.judge.identity != second.judge.identity


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "It is right.",
        '{"right": true}',
        'It has {"reason": "", "right": true}. {"reason": "", "right": false}',
    ],
)
def test_a_reply_that_is_no_verdict_is_a_fault_of_its_output(make: Make, reply: str) -> None:
    with scripted(judging.but_for({"Ann asks for thing number 2": Step(content=reply)})) as llm:
        scorer = make(llm)
        scores = scorer.score(ITEMS, GOLDS)
    assert errors(scores) == [None, None, "no_verdict", None, None, None]
    assert scores[2].score == 0.0
    assert scorer.metrics(scores)["no_verdict"] == 1
    assert errors(make().score(ITEMS, GOLDS)) == errors(scores)


def test_the_first_reply_may_be_no_verdict(make: Make) -> None:
    with scripted(judging.but_for({"Ann asks for thing number 0": Step(content="Well …")})) as llm:
        assert errors(make(llm).score(ITEMS, GOLDS)) == ["no_verdict", *[None] * 5]


def test_a_server_that_takes_no_schema_is_asked_in_words(make: Make) -> None:
    def script(number: int, body: dict[str, Any]) -> Step:
        return Step(status=400) if "response_format" in body else judging.fair(number, body)

    with scripted(script) as llm:
        assert errors(make(llm).score(ITEMS, GOLDS)) == [None] * 6
    assert len(llm.requests) == 2 + 6
    assert "one JSON object" in llm.requests[-1]["messages"][0]["content"]


def test_a_single_request_may_be_refused_and_is_asked_again_later(make: Make) -> None:
    with scripted(judging.but_for({"Ann asks for thing number 3": Step(status=400, content="filtered")})) as llm:
        scorer = make(llm)
        scores = scorer.score(ITEMS, GOLDS)
        assert make(llm).score(ITEMS, GOLDS) == scores
    assert errors(scores) == [None, None, None, "refused", None, None]
    assert scorer.metrics(scores)["no_verdict"] == 1
    assert len(llm.requests) == 6 + 1
    with scripted(judging.fair) as llm:
        assert errors(make(llm).score(ITEMS, GOLDS)) == [None] * 6
    assert len(llm.requests) == 1


def test_a_server_that_refuses_everything_is_an_error(make: Make) -> None:
    with (
        scripted(lambda *_: Step(status=404, content="no such model")) as llm,
        pytest.raises(LlmError, match="no such model"),
    ):
        make(llm).score(ITEMS, GOLDS)


def test_a_judgement_goes_on_where_it_stopped(make: Make) -> None:
    def script(number: int, body: dict[str, Any]) -> Step:
        return judging.fair(number, body) if number < 3 else Step(status=401, content="no more")

    with scripted(script) as llm, pytest.raises(LlmError) as caught:
        make(llm, concurrency=1).score(ITEMS, GOLDS)
    assert caught.value.trouble == "denied"
    with scripted(judging.fair) as llm:
        assert errors(make(llm).score(ITEMS, GOLDS)) == [None] * 6
    assert len(llm.requests) == 3


def test_items_of_another_task_are_named(make: Make) -> None:
    with pytest.raises(InputError, match="i1"):
        make().score([ITEMS[0], {"id": "i1", "text": "?"}], ["yes", "yes"])
    with pytest.raises(InputError, match="right answer"):
        make().score([{"id": "i1", "request": "?"}], ["yes"])


def test_calibration_counts_where_the_judge_agrees(make: Make, task: Path) -> None:
    steps = {
        "Ann asks for thing number 3000": judging.verdict(right=True),
        "Ann asks for thing number 3001": judging.verdict(right=False),
        "Ann asks for thing number 3003": Step(content="I cannot say."),
    }
    with scripted(judging.but_for(steps)) as llm:
        known = calibrate(make(llm), read_judged(task / "judged.jsonl"))
    assert known == Agreement(right=20, accepted=18, wrong=20, rejected=19)
    assert len(llm.requests) == 40


@pytest.mark.parametrize("right", [True, False])
def test_a_judge_that_always_says_the_same_is_refused(make: Make, task: Path, right: bool) -> None:
    with scripted(lambda *_: judging.verdict(right=right)) as llm, pytest.raises(UsageError, match="than chance"):
        calibrate(make(llm), read_judged(task / "judged.jsonl"))


def test_without_judged_outputs_no_judge_is_accepted(make: Make) -> None:
    with pytest.raises(UsageError, match="0 of 0 right outputs"):
        calibrate(make(), [])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ('{"item": {}, "output": "a"}', "row 2.*required"),
        ('{"item": {}, "output": "a", "right": "yes"}', "row 2.*right"),
        ('{"item": 1, "output": "a", "right": true}', "row 2.*item"),
        ('{"item": {}, "output": "a", "right": true, "who": "me"}', "row 2.*who"),
        ("[]", "line 2"),
    ],
)
def test_judged_outputs_are_read_strictly(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "judged.jsonl"
    path.write_text('{"item": {}, "output": "a", "right": true}\n' + row + "\n", "utf-8")
    with pytest.raises(InputError, match=message):
        read_judged(path)


def test_the_report_has_both_scores_and_the_cost(make: Make, task: Path) -> None:
    outputs = [*GOLDS[:4], *map(judging.other, GOLDS[4:])]
    with scripted(judging.but_for({"Ann asks for thing number 3000": judging.verdict(right=True)})) as llm:
        scorer = make(llm)
        known = calibrate(scorer, read_judged(task / "judged.jsonl"))
        found = report(scorer, known, ITEMS, outputs)
    assert (found.judge.right, found.judge.accepted, found.judge.wrong, found.judge.rejected) == (20, 20, 20, 19)
    assert found.value == pytest.approx(100 * 4 / 6)
    assert found.corrected == pytest.approx(100 * (4 / 6 + 0.95 - 1) / 0.95)
    low, high = found.corrected_interval
    assert low < found.corrected < high
    assert high - low > found.interval[1] - found.interval[0] > 0
    assert (found.metric, found.higher_is_better) == (f"judged_right_{scorer.judge.identity}", True)
    assert (found.judge.input_tokens, found.judge.output_tokens) == (46 * 100, 46 * 10)
