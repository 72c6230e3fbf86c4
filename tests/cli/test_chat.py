"""``ftdojo chat`` asks the base model and the best model of a run the same prompts."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ftdojo.cli.main import app
from ftdojo.errors import UsageError
from ftdojo.report.next_steps import next_steps


@pytest.fixture
def ask(finished_run: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("FTDOJO_HOME", str(finished_run / "home"))

    def ask(*arguments: str, stdin: str | None = None) -> Any:
        return CliRunner().invoke(app, ["chat", *arguments], input=stdin, catch_exceptions=False)

    return ask


def test_an_item_of_the_task_is_asked_with_its_prompt(ask: Any, finished_run: Path) -> None:
    items = ['{"request": "Form 1: Ann asks for a key."}', "Form 1: Ann asks for a key."]
    done = ask(str(finished_run / "run"), "--json", stdin="\n".join(items))
    assert done.exit_code == 0, done.output
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert first["prompt"] == [{"role": "user", "content": "Form 1: Ann asks for a key."}] == second["prompt"]
    assert first["best"] == second["best"] == "yes"
    assert first["base"] != "yes"


def test_both_answers_stand_side_by_side(ask: Any, finished_run: Path) -> None:
    done = ask(str(finished_run / "run"), "Form 1: Ann asks for a key.")
    shown = done.stdout
    assert "the text is asked as it is" in " ".join(done.stderr.split())
    assert "base model" in shown
    assert "best model (iteration 1)" in shown
    words = " ".join(shown.replace("\N{NO-BREAK SPACE}", " ").replace("┃", " ").replace("│", " ").split())
    assert words.count("accuracy on test") == 2, "each with its score"
    assert re.search(r"without training: always answering yes \d+\.\d % \[.*the base model with 8 examples", words)


def test_an_object_that_is_no_item_is_refused(ask: Any, finished_run: Path) -> None:
    with pytest.raises(UsageError, match="this object: cannot render: 'request' is undefined") as caught:
        ask(str(finished_run / "run"), '{"question": "Why?"}')
    assert "`ftdojo data show TASK`" in caught.value.fix
    with pytest.raises(UsageError, match="half a character"):
        ask(str(finished_run / "run"), r'{"request": "\ud83d"}')


def test_a_run_without_a_better_model_says_so(ask: Any, finished_run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished_run / "run", tmp_path / "run")
    shutil.rmtree(copy / "model")
    with pytest.raises(UsageError, match="model is missing"):
        ask(str(copy), "x")
    assert [command for _, command in next_steps(copy)] == [f"ftdojo report {copy}"]


def test_every_next_step_is_a_command_that_exists(finished_run: Path) -> None:
    from typer.main import get_command

    known = get_command(app).commands  # type: ignore[attr-defined]
    commands = [command.split() for _, command in next_steps(finished_run / "run")][1:]
    assert [words[1] for words in commands if words[0] == "ftdojo"] == ["chat", "export", "export"]
    for words in commands:
        if words[0] == "ftdojo":
            flags = {flag for parameter in known[words[1]].params for flag in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= flags
