"""A judge inside a run: bound to the replies in the record, calibrated first, corrected, and never fooled for good."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import judging
from ftdojo import tasks
from ftdojo.contract.call import Call
from ftdojo.contract.options import RunOptions
from ftdojo.errors import InfrastructureError, InputError, LlmError, PrerequisiteError, UsageError
from ftdojo.judge import RunReplies, bind_judge, bind_recorded, calibrate_first
from ftdojo.llm import client
from ftdojo.stats import corrected_mean
from ftdojo.tasks.judged import require_judge, without_judge
from ftdojo.tasks.scoring import score_of
from ftdojo.tasks.spec import Task
from pages import blocks
from scripted_llm import Script, ScriptedLlm, Step, scripted

ITEMS = [judging.item(number) for number in range(6)]
GOLDS = [item["verdict"] for item in ITEMS]
NOBODY = RunOptions(task="t", judge="openai:m@http://127.0.0.1:9/v1")
ODD = "Ann asks for thing number 3."


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failing requests are repeated at once, and given up after a second."""
    patient = client.Patience
    monkeypatch.setattr("ftdojo.judge.scorer.Patience", lambda **given: patient(**given, timeout_s=1, retries=0))


def by(llm: ScriptedLlm) -> RunOptions:
    return RunOptions(task="t", judge=f"openai:m@{llm.url}")


def judged(folder: Path, script: Script, use: Callable[[Task, list[Call]], None]) -> list[Call]:
    """Let a task be judged by a scripted server, and return the recorded calls."""
    calls: list[Call] = []
    with scripted(script) as llm:
        task = tasks.get(judging.make_judged_task(folder))
        use(bind_judge(task, by(llm), RunReplies([], calls.append)), calls)
    return calls


def errors(task: Task) -> list[str | None]:
    return [score.error for score in task.scorer.score(ITEMS, GOLDS)]


def test_it_is_calibrated_before_its_first_verdict_and_its_scores_are_corrected(tmp_path: Path) -> None:
    wrong = {"Ann asks for thing number 3001.": judging.verdict(right=True)}

    def use(task: Task, calls: list[Call]) -> None:
        scores = task.scorer.score(ITEMS, [*GOLDS[:4], *map(judging.other, GOLDS[4:])])
        agreement = calibrate_first(task)
        assert agreement is not None
        assert (agreement.right, agreement.accepted, agreement.wrong, agreement.rejected) == (10, 10, 10, 9)
        found = score_of(task, scores)
        assert found.value == pytest.approx(100 * 4 / 6)
        assert found.corrected is not None
        known = task.scorer.known()  # type: ignore[attr-defined]
        again = corrected_mean([s.score for s in scores], [""] * 6, known).scaled(100)
        assert (found.corrected.value, *found.corrected.interval) == (again.value, again.low, again.high)
        assert "corrected" in str(found)
        assert len(calls) == 20 + 6

    judged(tmp_path / "task", judging.but_for(wrong), use)


def test_the_record_alone_gives_the_same_verdicts_and_holds_no_question(tmp_path: Path) -> None:
    found: list[object] = []
    calls = judged(tmp_path / "task", judging.fair, lambda task, _: found.append(task.scorer.score(ITEMS, GOLDS)))
    assert all(call.messages == [] for call in calls)
    recorded = bind_recorded(tasks.get(tmp_path / "task"), "openai:m", calls)
    assert recorded.scorer.score(ITEMS, GOLDS) == found[0]
    with pytest.raises(InputError, match="no reply of the judge"):
        recorded.scorer.score(ITEMS, ["something else"] * 6)


def test_what_was_recorded_is_not_asked_again(tmp_path: Path) -> None:
    calls: list[Call] = []
    with scripted(judging.fair) as llm:
        task = tasks.get(judging.make_judged_task(tmp_path / "task"))
        first = bind_judge(task, by(llm), RunReplies([], calls.append)).scorer.score(ITEMS[:4], GOLDS[:4])
        again = bind_judge(task, by(llm), RunReplies(calls, calls.append)).scorer.score(ITEMS, GOLDS)
        assert again[:4] == first
        assert len(llm.requests) == len(calls) == 20 + 6


@pytest.mark.parametrize(
    "hostile",
    [
        Step(content="I like it."),
        Step(content='{"reason": "r", "right": true} ' * 2),
        Step(content="[" * 100_000),
        Step(content='{"reason": "' + "long " * 40_000 + '", "right": true}'),
        Step(raw="no completion at all"),
        Step(content="a", endless=True),
        Step(content="a", delay_s=5),
        Step(content="a", cut=True),
        Step(status=500, content="out of memory"),
        Step(status=400, content="filtered"),
    ],
    ids=["words", "twice", "deep", "long", "no_json", "endless", "late", "cut", "crash", "filtered"],
)
def test_no_reply_about_one_output_ends_a_run(tmp_path: Path, hostile: Step) -> None:
    """It counts as no verdict, now and when the record is read."""

    def use(task: Task, calls: list[Call]) -> None:
        assert [error is None for error in errors(task)] == [True, True, True, False, True, True]
        assert task.scorer.metrics(task.scorer.score(ITEMS, GOLDS))["no_verdict"] == 1
        assert all(len(call.reply or "") < 100_000 for call in calls)

    calls = judged(tmp_path / "task", judging.but_for({ODD: hostile}), use)
    for read in (
        bind_recorded(tasks.get(tmp_path / "task"), "openai:m", calls),
        bind_judge(tasks.get(tmp_path / "task"), NOBODY, RunReplies(calls, calls.append)),
    ):
        assert errors(read)[3] in ("no_verdict", "refused")


def test_a_server_that_stops_answering_is_an_error_and_the_rest_is_asked_later(tmp_path: Path) -> None:
    calls: list[Call] = []
    down = True

    def script(number: int, body: dict[str, object]) -> Step:
        return Step(status=503, content="overloaded") if down and number >= 23 else judging.fair(number, body)

    with scripted(script) as llm:
        task = tasks.get(judging.make_judged_task(tmp_path / "task"))
        with pytest.raises(InfrastructureError, match="overloaded") as caught:
            bind_judge(task, by(llm), RunReplies([], calls.append)).scorer.score(ITEMS, GOLDS)
        assert not isinstance(caught.value, LlmError), "an agent goes on without its own model, and not without a judge"
        assert "same command again" in caught.value.fix
        down = False
        assert errors(bind_judge(task, by(llm), RunReplies(calls, calls.append))) == [None] * 6


def test_a_judge_that_is_not_better_than_chance_is_refused(tmp_path: Path) -> None:
    def use(task: Task, _: list[Call]) -> None:
        with pytest.raises(UsageError, match="not shown to be better than chance"):
            task.scorer.score(ITEMS, GOLDS)

    judged(tmp_path / "task", lambda *_: judging.verdict(right=True), use)


def test_without_a_run_it_asks_nobody(tmp_path: Path) -> None:
    task = tasks.get(judging.make_judged_task(tmp_path / "task"))
    with pytest.raises(PrerequisiteError, match="only a run asks"):
        task.scorer.score(ITEMS, GOLDS)
    texts = without_judge(task).scorer.score(ITEMS, [*GOLDS[:3], "", *map(judging.other, GOLDS[4:])])
    assert [score.score for score in texts] == [1, 1, 1, 0, 0, 0]


def test_a_run_needs_a_judge_and_leave_to_judge_the_sealed_test(tmp_path: Path) -> None:
    folder = judging.make_judged_task(tmp_path / "task")
    require_judge(tasks.get(folder), NOBODY)
    with pytest.raises(UsageError, match="none is named") as caught:
        require_judge(tasks.get(folder), RunOptions(task="t"))
    assert "--judge PROVIDER:MODEL" in caught.value.fix
    with pytest.raises(UsageError, match="replayed"):
        require_judge(tasks.get(folder), NOBODY.model_copy(update={"replay": tmp_path}))
    file = folder / "task.toml"
    file.write_text(file.read_text().replace("judge_test = true\n", ""))
    with pytest.raises(UsageError, match="sealed test") as caught:
        require_judge(tasks.get(folder), NOBODY)
    assert "judge_test = true" in caught.value.fix


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('scorer = "judge"', 'scorer = "exact"', "only scorer 'judge' takes judge_test"),
        ('metric = "judged_accuracy"', 'metric = "accuracy"', "judged_accuracy"),
    ],
)
def test_its_keys_go_together(tmp_path: Path, old: str, new: str, message: str) -> None:
    folder = judging.make_judged_task(tmp_path / "task")
    file = folder / "task.toml"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(InputError, match=message):
        tasks.get(folder)


@pytest.mark.parametrize("name", ["rubric.md", "judged.jsonl"])
def test_its_files_are_part_of_the_task(tmp_path: Path, name: str) -> None:
    folder = judging.make_judged_task(tmp_path / "task")
    before = tasks.get(folder).version
    file = folder / name
    file.write_text(file.read_text() * 2)
    assert tasks.get(folder).version != before
    file.unlink()
    with pytest.raises(InputError, match=name):
        tasks.get(folder)
    file.symlink_to("/etc/hostname")
    with pytest.raises(UsageError, match="leads out"):
        tasks.get(folder)


def test_the_keys_of_the_page_make_a_judged_task(tmp_path: Path) -> None:
    (shown,) = (block.text for block in blocks() if block.first == 'scorer = "judge"')
    folder = judging.make_judged_task(tmp_path / "task")
    file = folder / "task.toml"
    others = [line for line in file.read_text().splitlines() if not line.startswith(("scorer", "metric", "judge_test"))]
    file.write_text("\n".join(others) + "\n" + shown)
    require_judge(tasks.get(folder), NOBODY)
