"""What to do after a run: in commands that the command line takes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.main import get_command

from ftdojo.cli.main import app
from ftdojo.contract.budget import Budget
from ftdojo.contract.configuration import Configuration
from ftdojo.contract.options import RunOptions
from ftdojo.contract.result import IterationResult, Score, StageSeconds
from ftdojo.findings import Finding
from ftdojo.record.events import RunBegun
from ftdojo.report.advice import Step, advise, repeat_command

IDENTITY = Configuration(
    task="own/reviews",
    variant="data",
    model="smollm2-135m",
    agent="ft-agent",
    planner="playbook",
    seed=3,
    budget=asdict(Budget(wall_s=180)),
    digests={},
    thinking=RunOptions(task="t").thinking,
)
LATE = Finding(code="over_budget", gate=4, message="too long", where="train.yaml: epochs", fix="less")


def begun(task: str, guard: Sequence[str] = ()) -> RunBegun:
    named = {str(number): place for number, place in enumerate(guard)}
    return RunBegun(
        configuration=IDENTITY, metric="accuracy", higher_is_better=True, objective="o", given=task, guard=named
    )


def tried(*, scored: bool, finding: Finding | None = None) -> IterationResult:
    return IterationResult(
        number=1,
        hypothesis="h",
        changes=[],
        accepted=scored,
        validation=Score(metric="accuracy", value=1, interval=(0, 2), n=3) if scored else None,
        findings=[finding] if finding else [],
        seconds=StageSeconds(),
    )


def steps(run: Path, iteration: IterationResult, *, best: int = 0) -> list[Step]:
    return advise(run, begun("my tasks/reviews"), [iteration], best=best, out_of_budget=False)


def test_a_better_model_is_used(tmp_path: Path) -> None:
    (tmp_path / "my run" / "model").mkdir(parents=True)
    found = steps(tmp_path / "my run", tried(scored=True), best=1)
    assert any(step.command.startswith("ftdojo chat") for step in found)
    assert any(step.command.startswith("ftdojo export") for step in found)
    assert any(shlex.quote(str(tmp_path / "my run" / "model")) in step.command for step in found)


def test_a_run_without_time_gets_more_of_it(tmp_path: Path) -> None:
    first, _ = steps(tmp_path / "short", tried(scored=False, finding=LATE))
    assert shlex.split(first.command)[:4] == ["ftdojo", "run", "my tasks/reviews", "--agent"] or "9m" in first.command
    assert "--budget 9m" in first.command
    assert "short-2" in first.command


@pytest.mark.parametrize(
    ("count", "took_s", "score", "advised"),
    [(1, 130.0, 14.0, True), (1, 80.0, 14.0, False), (1, 130.0, 99.0, False), (3, 55.0, 14.0, False)],
)
def test_a_run_in_which_few_iterations_fitted_gets_more_time(
    tmp_path: Path, count: int, took_s: float, score: float, advised: bool
) -> None:
    validation = Score(metric="accuracy", value=score, interval=(score - 5, min(100, score + 5)), n=100)
    done = tried(scored=True).model_copy(update={"validation": validation, "seconds": StageSeconds(train=took_s)})
    (tmp_path / "short/model").mkdir(parents=True)
    whole = begun("t").model_copy(update={"best_value": 100.0})
    found = advise(tmp_path / "short", whole, [done] * count, best=1, out_of_budget=False)
    assert any("--budget 9m" in step.command and "short-2" in step.command for step in found) == advised


def test_a_run_that_forgets_names_what_helps(tmp_path: Path, build: SimpleNamespace) -> None:
    found = steps(tmp_path, tried(scored=True).model_copy(update={"guard": [build.guarded(-20.0)]}), best=0)
    assert "guard task" in found[0].what
    assert "--guard-margin" in found[0].what


def test_a_run_without_a_gain_names_what_could_change(tmp_path: Path) -> None:
    found = steps(tmp_path, tried(scored=True), best=0)
    assert "rows" in found[0].what


@pytest.mark.parametrize("case", [(True, None, 1), (True, None, 0), (False, LATE, 0), (False, None, 0)])
def test_every_command_exists(tmp_path: Path, case: tuple[bool, Finding | None, int]) -> None:
    scored, finding, best = case
    (tmp_path / "model").mkdir()
    known = get_command(app).commands  # type: ignore[attr-defined]
    for step in steps(tmp_path, tried(scored=scored, finding=finding), best=best):
        program, *arguments = shlex.split(step.command) or [""]
        if program == "ftdojo":
            command = known[arguments[0]]
            flags = {flag for parameter in command.params for flag in parameter.opts}
            assert {word for word in arguments if word.startswith("--")} <= flags


def test_the_command_that_repeats_a_run_guards_the_same() -> None:
    words = shlex.split(repeat_command(begun("t", ["own/a", "my tasks/b"]), Path("again")))
    assert [words[i + 1] for i, word in enumerate(words) if word == "--guard"] == ["own/a", "my tasks/b"]


def test_the_command_that_repeats_a_run_has_its_options() -> None:
    words = shlex.split(repeat_command(begun("tasks/reviews"), Path("runs/again")))
    assert words == [
        "ftdojo", "run", "tasks/reviews", "--data", "data", "--budget", "3m", "--seed", "3", "--out", "runs/again",
    ]  # fmt: skip
