"""Whole episodes on a tiny real model: what is recorded, what is shown, and what survives."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forks import Starter, starter
from ftdojo.contract.options import RunOptions
from ftdojo.contract.result import RunResult
from ftdojo.episode import Dojo, run_episode
from ftdojo.episode.examples import read_examples
from ftdojo.errors import FtdojoError, UsageError
from ftdojo.record import Home, Ledger, RunFolder
from ftdojo.record import events as run_events
from ftdojo.record.history import History
from submissions import FAILS, Submits, data_program, write_submission

pytestmark = pytest.mark.usefixtures("graded_apart")


def play(run: Path, agent: Submits, task: Path, model: Path, home: Home, **options: Any) -> RunResult:
    given = RunOptions(task=str(task), model=str(model), agent=agent.name, **options)
    with Dojo(given, run, home=home) as dojo:
        return run_episode(dojo, agent)


def test_an_episode_from_baseline_to_sealed_test(tmp_path: Path, approve: Path, tiny_model: Path, home: Home) -> None:
    folders = [
        write_submission(tmp_path / "good"),
        write_submission(tmp_path / "lost", train=FAILS),
        write_submission(tmp_path / "bad", train={"learning_rat": 1}),
    ]
    agent = Submits(*folders)
    result = play(tmp_path / "run", agent, approve, tiny_model, home)

    assert (result.outcome, result.best.iteration) == ("scored", 1)
    assert [i.accepted for i in result.iterations] == [True, False, False]
    assert result.iterations[2].findings[0].fix == "did you mean 'learning_rate'?"
    assert result.baseline.test is not None
    assert result.best.test is not None
    assert result.best.test.interval[0] > result.baseline.test.interval[1]
    assert json.loads((tmp_path / "run/result.json").read_text()) == result.model_dump(mode="json")

    with Ledger(tmp_path / "run", writable=False) as ledger:
        kinds = [event.kind for event in ledger.events()]
        record = json.dumps([event.payload for event in ledger.events()])
        scored = History(ledger).require(run_events.TestScored)
    expected = ["configuration", "baseline", *["iteration"] * 3, "stopped", "test_opened", "test_scored", "finished"]
    assert kinds == expected

    from transformers import AutoModelForCausalLM, AutoTokenizer

    AutoTokenizer.from_pretrained(tmp_path / "run/model")
    AutoModelForCausalLM.from_pretrained(tmp_path / "run/model")

    shown = "".join(o.model_dump_json() for o in agent.seen)
    samples = [s for o in agent.seen for s in o.baseline.samples]
    assert samples
    assert "Request" in shown
    assert not any("verdict" in s.model_dump_json() for s in samples), "gold answers stay in the environment"

    easy = agent.seen[0].trivial
    assert easy is not None
    assert result.trivial_validation == easy
    assert (easy.constant_output in ("yes", "no"), easy.few_shot is not None) == (True, True)
    assert set(scored.trivial_items) == {"constant", "majority", "few_shot"}

    examples = read_examples(RunFolder(tmp_path / "run").examples, scored.examples)
    assert len(examples) == 10
    assert {example.right for example in examples} == {"yes", "no"}
    assert all((e.answers["best"].output == e.right) == (e.answers["best"].score == 1) for e in examples)
    told = (shown, record, (tmp_path / "run/result.json").read_text())
    assert not any(example.question in text for example in examples for text in told), "test items stay sealed"

    again = play(tmp_path / "run", Submits(*folders), approve, tiny_model, home)
    assert again == result, "a finished run is told again, not run again"


def test_on_the_ladder_only_an_improvement_is_told(tmp_path: Path, approve: Path, tiny_model: Path, home: Home) -> None:
    folders = [
        write_submission(tmp_path / "good"),
        write_submission(tmp_path / "lost", train=FAILS),
        write_submission(tmp_path / "bad", train={"learning_rat": 1}),
    ]
    agent = Submits(*folders)
    result = play(tmp_path / "run", agent, approve, tiny_model, home, ladder=True)
    good, lost, bad = agent.seen[-1].history
    recorded = result.iterations[1].validation
    assert recorded is not None
    assert good.score == result.iterations[0].validation
    assert lost.feedback.evaluation == good.feedback.evaluation
    assert lost.decision is not None
    assert (lost.decision.accepted, lost.decision.difference.value) == (False, 0)
    assert lost.feedback.training is not None
    assert lost.score != recorded
    assert bad.feedback.execution.findings == result.iterations[2].findings
    options = RunOptions(task=str(approve), model=str(tiny_model), agent="scripted", ladder=True)
    with (
        Dojo(options, tmp_path / "run", home=home) as dojo,
        pytest.raises(UsageError, match="ladder"),
    ):
        dojo.probe(folders[0], 0.5)
    with pytest.raises(UsageError, match="ladder"):
        play(tmp_path / "run", agent, approve, tiny_model, home)


def test_another_configuration_is_refused(tmp_path: Path, approve: Path, tiny_model: Path, home: Home) -> None:
    play(tmp_path / "run", Submits(), approve, tiny_model, home)
    with pytest.raises(UsageError) as caught:
        play(tmp_path / "run", Submits(), approve, tiny_model, home, seed=3, wall_s=5)
    assert "seed: 0 in the run, 3 now" in caught.value.message
    assert "budget" in caught.value.message
    assert "task" not in caught.value.message


def test_outcomes_without_a_score(tmp_path: Path, approve: Path, tiny_model: Path, home: Home) -> None:
    assert play(tmp_path / "none", Submits(), approve, tiny_model, home).outcome == "no_submission"
    broken = write_submission(tmp_path / "b", program="raise SystemExit('no data today')")
    result = play(tmp_path / "invalid", Submits(broken), approve, tiny_model, home)
    assert result.outcome == "invalid"
    (finding,) = result.iterations[0].findings
    assert (finding.gate, finding.code) == (2, "program_failed")
    assert "no data today" in finding.message
    assert result.best.test == result.baseline.test


def test_the_budget_ends_the_episode(tmp_path: Path, approve: Path, tiny_model: Path, home: Home) -> None:
    folders = [write_submission(tmp_path / str(i), recipe={"seed": i}) for i in range(3)]
    result = play(tmp_path / "run", Submits(*folders), approve, tiny_model, home, submissions=1)
    assert len(result.iterations) == 1
    assert result.budget.submissions == 1


def test_a_script_is_as_good_as_a_recipe(tmp_path: Path, approve: Path, tiny_model: Path, home: Home) -> None:
    program = data_program('{"instruction": request, "input": "", "output": verdict}')
    agent = Submits(write_submission(tmp_path / "s", program=program))
    result = play(tmp_path / "run", agent, approve, tiny_model, home)
    assert result.best.iteration == 1


@pytest.fixture(scope="module")
def short(approve: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The task with fewer rows and items: what is killed and begun again is done several times."""
    folder = shutil.copytree(approve, tmp_path_factory.mktemp("short") / "approve")
    for name, count in (("train", 32), ("eval", 24)):
        lines = (folder / f"{name}.jsonl").read_text().splitlines(keepends=True)
        (folder / f"{name}.jsonl").write_text("".join(lines[:count]))
    return folder


@pytest.fixture(scope="module")
def starting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    with starter(tmp_path_factory.mktemp("starts") / "outputs") as found:
        yield found


def _command(out: Path, task: Path, model: Path, iterations: int) -> list[str]:
    options = ["--model", str(model), "--max-iterations", str(iterations), "--budget", "10h", "--out", str(out)]
    return ["run", str(task), *options, "--json"]


def _essence(document: str) -> Any:
    """What must not depend on interruptions: everything but clocks, and the digest of a record that holds times."""
    result = json.loads(document)
    for iteration in result["iterations"]:
        del iteration["seconds"]
    del result["budget"], result["run"], result["ledger"]
    return result


def test_kill_9_and_the_same_command_give_the_same_result(
    tmp_path: Path, short: Path, tiny_model: Path, starting: Starter
) -> None:
    """While the base model answers, and in the first and in the second iteration."""
    whole = starting.start(_command(tmp_path / "whole", short, tiny_model, 2), tmp_path / "one")
    assert whole.wait() == 0, whole.err

    command = _command(tmp_path / "killed", short, tiny_model, 2)
    for events in (1, 2, 3):
        process = starting.start(command, tmp_path / "two")
        while process.poll() is None and len(_kinds(tmp_path / "killed")) < events:
            time.sleep(0.02)
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        assert len(_kinds(tmp_path / "killed")) >= events
    resumed = starting.start(command, tmp_path / "two")
    assert resumed.wait() == 0, resumed.err
    assert _essence(resumed.out) == _essence(whole.out)


def _kinds(run: Path) -> list[str]:
    try:
        with Ledger(run, writable=False) as ledger:
            return [event.kind for event in ledger.events()]
    except (FtdojoError, sqlite3.OperationalError):  # not there yet, or half way
        return []


def test_ctrl_c_in_any_stage_leaves_a_resumable_run(
    tmp_path: Path, short: Path, tiny_model: Path, starting: Starter
) -> None:
    """While the base model answers, in an iteration, and while the sealed test is graded."""
    command = _command(tmp_path / "run", short, tiny_model, 1)
    for kind in ("configuration", "baseline", "test_opened"):
        process = starting.start(command, tmp_path / "home")
        while process.poll() is None and kind not in _kinds(tmp_path / "run"):
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes of the run
        assert process.wait(60) == 130
        assert "resume with: ftdojo run" in process.err
        assert "Traceback" not in process.err
    done = starting.start(command, tmp_path / "home")
    assert done.wait() == 0, done.err
    assert json.loads(done.out)["outcome"] == "scored"
