"""The layout of a run's folder: what was written by earlier builds is found, and no name leads out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftdojo.contract.options import RunOptions
from ftdojo.episode import Dojo
from ftdojo.errors import UsageError
from ftdojo.record import Home, Ledger, RunFolder


def test_the_layout_is_the_one_of_earlier_builds() -> None:
    run = RunFolder(Path("run"))
    assert [str(path.relative_to("run")) for path in (
        run.ledger, run.lock, run.submission(1), run.submission(1000), run.workspace, run.model, run.sealed,
        run.sealed_outputs("best"), run.result, run.report, run.attempt_log(2),
    )] == [
        "ledger.sqlite", ".lock", "submissions/001", "submissions/1000", "workspace", "model", "sealed",
        "sealed/best.jsonl", "result.json", "report.html", "attempt-2.log",
    ]  # fmt: skip


def test_the_ledger_and_its_lock_are_where_the_layout_says(tmp_path: Path) -> None:
    with Ledger(tmp_path):
        assert RunFolder(tmp_path).ledger.is_file()
        assert RunFolder(tmp_path).lock.is_file()


@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a/../../x", "x"])
def test_a_name_from_a_forged_ledger_stays_in_the_sealed_folder(name: str) -> None:
    assert RunFolder(Path("run")).sealed_outputs(name) == Path("run/sealed/x.jsonl")


def test_a_run_is_private(finished_run: Path) -> None:
    """It holds prompts, outputs on test, and what the agent must not see; other users of the machine may be agents."""
    run = finished_run / "run"
    assert run.stat().st_mode & 0o777 == 0o700
    for path in run.rglob("*"):
        if path.is_file() and not path.is_relative_to(RunFolder(run).model):
            assert path.stat().st_mode & 0o077 == 0, path


def test_a_run_needs_a_folder_of_its_own(tmp_path: Path, approve: Path) -> None:
    (tmp_path / "reviews.csv").write_text("a,b\n")
    with pytest.raises(UsageError, match=r"reviews.csv is a file, and a run needs a folder of its own"):
        RunFolder(tmp_path / "reviews.csv").require_place()
    with pytest.raises(UsageError, match="is the folder of a task"):
        RunFolder(approve).require_place()
    RunFolder(tmp_path / "new").require_place()
    RunFolder(tmp_path).require_place()


def test_no_run_is_begun_in_the_folder_of_its_task(approve: Path, tiny_model: Path, home: Home) -> None:
    before = sorted(approve.iterdir())
    with pytest.raises(UsageError, match="is the folder of a task"):
        Dojo(RunOptions(task=str(approve), model=str(tiny_model)), approve, home=home)
    assert sorted(approve.iterdir()) == before
