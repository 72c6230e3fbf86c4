"""``ftdojo predict``: answers of a model, local or served, in the form that ``ftdojo score`` reads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ftdojo.cli.main import app
from ftdojo.errors import UsageError
from scripted_llm import Step, scripted


def ftdojo(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ftdojo", *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def items(tmp_path: Path, approve: Path) -> Path:
    rows = [line for line in (approve / "eval.jsonl").read_text().splitlines() if line][:6]
    path = tmp_path / "items.jsonl"
    path.write_text("\n".join(json.dumps({**json.loads(row), "id": f"i{n}"}) for n, row in enumerate(rows)))
    return path


def test_a_local_model_answers_and_its_answers_are_scored(
    tmp_path: Path, items: Path, approve: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTDOJO_HOME", str(tmp_path / "home"))
    answers = tmp_path / "answers.jsonl"
    command = [
        "predict",
        str(approve),
        "--items",
        str(items),
        "--to",
        str(answers),
        "--model",
        str(tiny_model),
        "--json",
    ]
    done = ftdojo(*command)
    assert done.returncode == 0, done.stderr
    first = answers.read_text()
    assert {json.loads(line)["id"] for line in first.splitlines()} == {f"i{n}" for n in range(6)}
    again = CliRunner().invoke(app, command, catch_exceptions=False)
    assert (again.exit_code, answers.read_text()) == (0, first)
    assert json.loads(again.stdout) == {"predictions": str(answers), "items": 6, "made": 0}
    (tmp_path / "own.yaml").write_text("default: 'Decide: {{ request }}'")
    with pytest.raises(UsageError, match="6 answers of another model, or to other prompts"):
        CliRunner().invoke(app, [*command, "--prompts", str(tmp_path / "own.yaml")], catch_exceptions=False)
    rows = [json.loads(line) for line in items.read_text().splitlines()]
    items.write_text("".join(json.dumps({**row, "request": row["request"] + " Now."}) + "\n" for row in rows))
    with pytest.raises(UsageError, match="6 answers of another model, or to other prompts"):
        CliRunner().invoke(app, command, catch_exceptions=False)
    assert answers.read_text() == first
    items.write_text("".join(json.dumps(row) + "\n" for row in rows))
    scored = ftdojo("score", approve, "--items", items, "--predictions", answers, "--json")
    assert json.loads(scored.stdout)["n"] == 6


def test_a_served_model_answers_what_is_missing(
    tmp_path: Path, items: Path, approve: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FTDOJO_HOME", str(tmp_path / "home"))
    answers = tmp_path / "answers.jsonl"
    answers.write_text('{"id": "i0", "output": "yes"}\n{"id": "i1", "output": "no"}\n')
    with scripted(lambda *_: Step(content="yes")) as llm:
        wanted = ["predict", approve, "--items", items, "--to", answers, "--served", "openai:m", "--base-url", llm.url]
        done = ftdojo(*wanted, "--json")
    assert done.returncode == 0, done.stderr
    assert len(llm.requests) == 4
    assert json.loads(done.stdout) == {"predictions": str(answers), "items": 6, "made": 4}
    rows = [json.loads(line) for line in answers.read_text().splitlines()]
    assert [row["output"] for row in rows] == ["yes", "no", "yes", "yes", "yes", "yes"]
