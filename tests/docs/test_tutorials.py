"""The two pages for newcomers, run from the first line to the last as they stand, on a model that trains in seconds."""

from __future__ import annotations

import csv
import json
import random
import shlex
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ftdojo.cli.main import app
from ftdojo.contract.options import RunOptions
from ftdojo.contract.result import RunResult
from ftdojo.episode import Dojo
from ftdojo.record import Home, RunFolder
from pages import blocks
from submissions import Submits, write_submission

pytestmark = pytest.mark.usefixtures("graded_apart")

TRAINS = "submissions:TrainsAllWeights"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Home) -> Path:
    """An empty working folder of somebody who has installed ftdojo."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FTDOJO_HOME", str(home.root))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    return tmp_path


def commands_of(page: str) -> list[str]:
    """The commands of ftdojo in the blocks of a page, in their order."""
    return [shlex.join(w) for block in blocks() if block.page == page for _, w in block.commands() if w[0] == "ftdojo"]


def type_command(command: str) -> str:
    """Run a command; return what it prints."""
    done = CliRunner().invoke(app, shlex.split(command)[1:], catch_exceptions=False)
    assert done.exit_code == 0, f"{command}: {done.output}"
    return done.output


def write_reviews(path: Path) -> None:
    """Write 240 short reviews, of which the last word says whether they are good."""
    rng = random.Random(0)
    texts = {f"Order {rng.randrange(1000)}: the {rng.choice(['lamp', 'desk', 'key'])} is " for _ in range(400)}
    rows = [(text, rng.choice(["good", "good", "bad"])) for text in sorted(texts)[:240]]
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([("review", "sentiment"), *((text + word, word) for text, word in rows)])


def test_fine_tune_your_model_tonight(place: Path, tiny_model: Path) -> None:
    """Word by word, with the tiny model, and with an agent that trains once instead of for half an hour."""
    cheap = {"new": f" --model {tiny_model}", "run": f" --model {tiny_model} --agent {TRAINS}"}
    write_reviews(place / "reviews.csv")
    said = {}
    for command in commands_of("docs/tonight.md"):
        name = "new" if " task new " in command else command.split()[1]
        if name != "doctor":  # test_cli.py runs it
            said[name] = type_command(command + cheap.get(name, ""))
    assert list(said) == ["new", "task", "run", "export"]
    assert "ok: the task can be used" in said["task"]
    assert "ftdojo export runs/reviews models/reviews" in said["run"], "the last lines say what to type next"
    assert "better than the base model" in said["run"]
    assert RunFolder(Path("runs/reviews")).report.is_file()
    assert "vllm serve models/reviews" in said["export"], "the command prints how to load it"
    assert Path("models/reviews/model.safetensors").is_file()
    assert Path("models/reviews/README.md").is_file()


def suite_of(page: str, **cheap: list[str]) -> str:
    """The suite of a page with some of its lists exchanged."""
    (block,) = [block for block in blocks() if block.page == page and block.first.startswith("name =")]
    lines = block.text.splitlines()
    assert cheap.keys() <= {line.partition(" = ")[0] for line in lines}
    return "\n".join(
        f"{k} = {json.dumps(cheap[k])}" if (k := line.partition(" = ")[0]) in cheap else line for line in lines
    )


def test_the_plan_of_the_contest(place: Path) -> None:
    """Word by word."""
    (place / "first.toml").write_text(suite_of("docs/compare-agents.md"))
    plan, _ = commands_of("docs/compare-agents.md")
    assert "24 of 24 jobs to run" in type_command(plan)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_compare_agents(place: Path, approve: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Word by word, with a task and a model of seconds: twelve jobs. tests/bench has quick contests."""
    cheap = suite_of("docs/compare-agents.md", tasks=[str(approve)], models=[str(tiny_model)])
    (place / "first.toml").write_text(cheap.replace('wall = "10m"', 'wall = "20s"'))
    for command in commands_of("docs/compare-agents.md"):
        type_command(command)
    listed = json.loads(type_command("ftdojo runs runs/first --json"))
    assert len(listed) == 13, "twelve jobs and the contest"
    for ending in ("html", "json", "md"):
        assert (place / f"runs/first/leaderboard.{ending}").is_file()


def test_the_loop_of_the_architecture(approve: Path, tiny_model: Path, place: Path, finished_run: Path) -> None:
    (block,) = [block for block in blocks() if block.page == "docs/architecture.md"]
    scope: dict[str, Callable[..., object]] = {}
    exec(compile("def play(dojo, agent):\n" + textwrap.indent(block.text, " "), block.page, "exec"), scope)
    unreadable = write_submission(place / "submission", train={"learning_rat": 1})
    options = RunOptions(task=str(approve), model=str(tiny_model), agent=Submits.name)
    with Dojo(options, place / "run", home=Home(finished_run / "home")) as dojo:
        result = scope["play"](dojo, Submits(unreadable))
    assert isinstance(result, RunResult)
    assert (result.outcome, len(result.iterations)) == ("invalid", 1)
