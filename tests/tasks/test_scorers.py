"""Scorers by name in a task file: plug-ins of the user's environment, and code of the folder, which is not imported."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ftdojo.errors import InputError, UsageError
from ftdojo.tasks.folder import load_folder

MODULE = """
from ftdojo.tasks.answers import Verdict
from ftdojo.tasks.scorers import Judging

LENGTH = Judging(lambda setup: lambda gold, output: Verdict(float(len(gold) == len(output)), True), ("accuracy",), "1")
LONGER = Judging(LENGTH.judge, ("accuracy",), "2")

class Nothing:
    metrics, version = ("accuracy",), "1"
    create = classmethod(lambda cls, setup: object())

NUMBER = 1
"""


@pytest.fixture
def folder(tmp_path: Path, approve: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copied = tmp_path / "task"
    shutil.copytree(approve, copied)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/scorers_of_mine.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path / "site")
    return copied


def name_scorer(folder: Path, scorer: str, metric: str = "accuracy") -> None:
    text = (folder / "task.toml").read_text().splitlines()
    kept = [line for line in text if not line.startswith(("scorer", "metric"))]
    (folder / "task.toml").write_text("\n".join([f'scorer = "{scorer}"', f'metric = "{metric}"', *kept]))


def refusal(folder: Path, scorer: str, metric: str = "accuracy") -> str:
    name_scorer(folder, scorer, metric)
    with pytest.raises(InputError) as caught:
        load_folder(folder)
    (finding,) = caught.value.findings
    assert finding.where.startswith("task.toml")
    return f"{finding.message}; {finding.fix}"


def test_a_plug_in_scores_and_its_version_is_the_tasks(folder: Path) -> None:
    name_scorer(folder, "scorers_of_mine:LENGTH")
    task = load_folder(folder)
    item = {"id": "a", "request": "…", "verdict": "yes"}
    assert [s.score for s in task.scorer.score([item, item], ["nay", "no"])] == [1.0, 0.0]
    name_scorer(folder, "scorers_of_mine:LONGER")
    assert load_folder(folder).version != task.version


def test_what_cannot_score_is_refused(folder: Path) -> None:
    assert "did you mean 'exact'" in refusal(folder, "exakt")
    assert "scorer.py" in refusal(folder, "exakt")
    assert "must be one of: accuracy" in refusal(folder, "scorers_of_mine:LENGTH", "bleu")
    assert "has no 'metrics'" in refusal(folder, "scorers_of_mine:NUMBER")
    name_scorer(folder, "scorers_of_mine:Nothing")
    with pytest.raises(UsageError, match="has no 'score'"):
        load_folder(folder)


def test_code_of_the_task_folder_is_not_imported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the folder is on the path, as when ``python -m ftdojo`` is started in it."""
    (folder / "hostile.py").write_text("raise SystemExit('imported outside the sandbox')")
    (folder / "package").mkdir()
    (folder / "package/__init__.py").write_text("raise SystemExit('imported outside the sandbox')")
    monkeypatch.syspath_prepend(folder)
    for scorer in ("hostile:LENGTH", "package.part:LENGTH", "package:LENGTH"):
        assert "which is not imported" in refusal(folder, scorer)
