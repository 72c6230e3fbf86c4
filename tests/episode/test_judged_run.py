"""Whole runs of a task that a language model judges: recorded, resumed, verified and shown, with a server on loopback.

The scripted judge accepts what begins like the right answer, and errs once when it is calibrated.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import judging
from forgeries import edit_events
from forks import starter
from ftdojo.audit import Audit, verify
from ftdojo.audit.export import export
from ftdojo.audit.scored_items import read_run
from ftdojo.contract.call import Call
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.contract.result import RunResult
from ftdojo.episode import Dojo, run_episode
from ftdojo.errors import InfrastructureError, UsageError
from ftdojo.judge.scorer import CONCURRENCY
from ftdojo.record import Home, Ledger
from ftdojo.record.history import History, list_judge_calls
from ftdojo.report import closing_table, text, write_report
from scripted_llm import ScriptedLlm, Step, scripted
from submissions import Submits, write_submission

pytestmark = pytest.mark.usefixtures("graded_apart")


def script(number: int, body: dict[str, Any]) -> Step:
    """Accept an output that begins like the right answer; call one right output of the calibration wrong."""
    question, gold, output = judging.quotations(body)
    begins = output.strip().casefold().startswith(gold.casefold())
    return judging.verdict(right=begins and not question.startswith("Ann asks for thing number 3000."))


@pytest.fixture
def judge() -> Iterator[ScriptedLlm]:
    with scripted(script) as llm:
        yield llm


@pytest.fixture
def task(tmp_path: Path, approve: Path) -> Path:
    return judging.make_judged_task(tmp_path / "task", rows=approve)


def submissions(folder: Path) -> list[Path]:
    """A good one, and one that cannot be read."""
    trainings: list[dict[str, Any]] = [{}, {"learning_rat": 1}]
    return [write_submission(folder / str(i), train=training) for i, training in enumerate(trainings)]


def play(
    run: Path, agent: Submits, task: Path, model: Path, home: Home, llm: ScriptedLlm | None, **options: Any
) -> RunResult:
    given = RunOptions(
        task=str(task), model=str(model), agent=agent.name, judge=f"openai:m@{llm.url}" if llm else None, **options
    )
    with Dojo(given, run, home=home) as dojo:
        return run_episode(dojo, agent)


def audit(run: Path, home: Home) -> Audit:
    return verify(run, home=home, progress=Silent())


def judge_calls(run: Path) -> list[Call]:
    with Ledger(run, writable=False) as ledger:
        return list_judge_calls(History(ledger))


def asked(llm: ScriptedLlm) -> list[tuple[str, ...]]:
    return [tuple(judging.quotations(body)) for body in llm.requests]


def test_a_run_is_judged_recorded_charged_verified_and_shown(
    tmp_path: Path, task: Path, tiny_model: Path, home: Home, judge: ScriptedLlm
) -> None:
    agent = Submits(*submissions(tmp_path))
    result = play(tmp_path / "run", agent, task, tiny_model, home, judge)

    assert (result.outcome, result.best.iteration) == ("scored", 1)
    assert result.judge is not None
    assert (result.judge.right, result.judge.accepted, result.judge.rejected) == (10, 9, 10)
    for pair in (result.baseline, result.best):
        for score in (pair.validation, pair.test):
            assert score is not None
            assert score.corrected is not None
            assert score.metric == "judged_accuracy"
    assert result.best.test is not None
    assert result.best.test.corrected is not None
    assert result.best.test.corrected.value > result.best.test.value, "it calls right outputs wrong"

    # Every question was asked once, recorded without its text, and paid for.
    assert len(set(asked(judge))) == len(judge.requests)
    calls = judge_calls(tmp_path / "run")
    assert len(calls) == len(judge.requests)
    assert not any(call.messages for call in calls)
    with Ledger(tmp_path / "run", writable=False) as ledger:
        assert History(ledger).calls == [[], [], []], "no call is taken for the agent's"
    assert result.budget.llm.input_tokens == 100 * len(judge.requests)

    shown = "".join(observation.model_dump_json() for observation in agent.seen)
    assert "Request" in shown
    samples = [sample for observation in agent.seen for sample in observation.baseline.samples]
    assert not any("verdict" in sample.model_dump_json() for sample in samples), "gold answers stay in the environment"
    assert "as the rubric says" not in shown, "and so do the judge's reasons"

    judge.requests.clear()
    found = audit(tmp_path / "run", home)
    assert {check.name: check.message for check in found.checks if check.status != "ok"} == {}
    assert play(tmp_path / "run", agent, task, tiny_model, home, judge) == result
    assert not judge.requests, "whoever has the record asks nobody"

    assert read_run("best", tmp_path / "run").metric == "openai:m judged_accuracy", "of this judge alone"
    page = write_report(tmp_path / "run").read_text("utf-8")
    assert "corrected" in page
    assert text.judged(result.judge) in page
    stream = io.StringIO()
    Console(file=stream, width=200).print(closing_table(result))
    assert text.judged(result.judge) in stream.getvalue()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_run_is_exported_by_its_record_and_changed_verdicts_are_found(
    tmp_path: Path, task: Path, tiny_model: Path, home: Home, judge: ScriptedLlm
) -> None:
    result = play(tmp_path / "run", Submits(submissions(tmp_path)[0]), task, tiny_model, home, judge)
    asked_for = len(judge.requests)
    exported = export(tmp_path / "run", tmp_path / "exported", home=home, progress=Silent())
    assert exported.score == result.best.validation
    assert len(judge.requests) == asked_for
    calls = 0

    def turn(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        nonlocal calls
        if kind == "llm_call":
            calls += 1
            if calls > 20:  # after the calibration
                payload["call"]["reply"] = payload["call"]["reply"].replace("true", "false")
        return payload

    edit_events(tmp_path / "run", turn, relink=True)
    failed = {check.name for check in audit(tmp_path / "run", home).checks if check.status == "failed"}
    assert failed == {"validation", "decisions", "test"}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_an_interrupted_run_goes_on_with_the_recorded_replies(tmp_path: Path, approve: Path, tiny_model: Path) -> None:
    """The server dies while the judge is calibrated, while the base model is judged, and in all that follows."""
    home, agent = Home(tmp_path / "home"), Submits(*submissions(tmp_path)[:1])
    left = 0

    def mortal(number: int, body: dict[str, Any]) -> Step:
        nonlocal left
        left -= 1
        return script(number, body) if left >= 0 else Step(status=401, content="no more")

    results: list[RunResult] = []
    with scripted(mortal) as llm:
        task = judging.make_judged_task(tmp_path / "task", rows=approve)
        for _ in range(20):
            left = 60
            with contextlib.suppress(InfrastructureError):
                results.append(play(tmp_path / "run", agent, task, tiny_model, home, llm))
                break
    assert results, "it ends"
    assert audit(tmp_path / "run", home).ok
    with scripted(script) as llm:
        whole = judging.make_judged_task(tmp_path / "whole-task", rows=approve)
        expected = play(tmp_path / "whole", agent, whole, tiny_model, home, llm)
    for name in ("judge", "baseline", "best", "trivial", "to_trivial"):
        assert getattr(results[0], name) == getattr(expected, name)
    answered = [call for call in judge_calls(tmp_path / "run") if call.reply is not None]
    assert len({call.purpose for call in answered}) == len(answered) == len(judge_calls(tmp_path / "whole"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kill_9_in_a_judged_run_and_the_same_command_give_the_same_result(
    tmp_path: Path, task: Path, tiny_model: Path, judge: ScriptedLlm
) -> None:
    def command(out: str) -> list[str]:
        options = ["--max-iterations", "1", "--budget", "10h", "--out", str(tmp_path / out), "--json"]
        options += ["--judge", f"openai:m@{judge.url}"]
        return ["run", str(task), "--model", str(tiny_model), *options]

    with starter(tmp_path / "outputs") as starting:
        whole = starting.start(command("whole"), tmp_path / "one")
        assert whole.wait(600) == 0, whole.err
        needed = len(judge.requests)
        for requests in (needed + 25, needed + needed // 2):
            process = starting.start(command("killed"), tmp_path / "two")
            while process.poll() is None and len(judge.requests) < requests:
                time.sleep(0.01)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        resumed = starting.start(command("killed"), tmp_path / "two")
        assert resumed.wait(600) == 0, resumed.err
    one, other = json.loads(whole.out), json.loads(resumed.out)
    for name in ("judge", "baseline", "best", "trivial", "trivial_validation", "to_trivial"):
        assert one[name] == other[name]
    assert len(judge.requests) <= 2 * needed + 2 * CONCURRENCY, "only requests in flight are made again"
    assert audit(tmp_path / "killed", Home(tmp_path / "two")).ok


def test_a_run_whose_test_may_not_be_judged_does_not_begin(
    tmp_path: Path, task: Path, tiny_model: Path, home: Home, judge: ScriptedLlm
) -> None:
    file = task / "task.toml"
    file.write_text(file.read_text().replace("judge_test = true\n", ""))
    with pytest.raises(UsageError, match="sealed test"):
        play(tmp_path / "run", Submits(), task, tiny_model, home, judge)
    assert not judge.requests
    assert not (tmp_path / "run").exists()


def test_a_judged_task_is_no_guard_task(
    tmp_path: Path, task: Path, approve: Path, tiny_model: Path, home: Home
) -> None:
    with pytest.raises(UsageError, match="judged by a language model"):
        play(tmp_path / "run", Submits(), approve, tiny_model, home, None, guard=(str(task),))
