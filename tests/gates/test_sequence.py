"""The order of the gates stands in one place: a check that is added to a gate's list is made wherever gates are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.episode import Dojo, validate
from ftdojo.episode.setting import Setting
from ftdojo.episode.stages import Stages
from ftdojo.findings import Finding
from ftdojo.gates import static
from ftdojo.record import Home
from submissions import write_submission


def too_young(s: static.Static) -> Iterator[Finding]:
    """A check of a reader who adds one."""
    yield Finding(code="too_young", gate=1, severity="warning", message="m", where="w", fix="f")


def test_a_new_check_is_made_by_check_validate_and_run(
    monkeypatch: pytest.MonkeyPatch, finished_run: Path, approve: Path, tiny_model: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(static, "CHECKS", (*static.CHECKS, too_young))
    home, submission = Home(finished_run / "home"), finished_run / "run/submissions/001"
    options = RunOptions(task=str(approve), model=str(tiny_model), agent="mine")
    verdict = validate(submission, options, home=home)
    assert "too_young" in {finding.code for finding in verdict.findings}
    with Dojo(options, tmp_path / "run", home=home) as dojo:
        dojo.reset()
        assert "too_young" in {finding.code for finding in dojo.precheck(submission)}
        observation = dojo.step(submission)
    assert "too_young" in {finding.code for finding in observation.history[0].feedback.execution.findings}


def test_a_data_program_gets_no_more_time_than_the_run_has_left(
    approve: Path, tiny_model: Path, home: Home, tmp_path: Path
) -> None:
    submission = write_submission(tmp_path / "submission", program="import time; time.sleep(100)")
    setting = Setting.prepare(RunOptions(task=str(approve), model=str(tiny_model)), home=home, progress=Silent())
    (finding,) = Stages(setting, progress=Silent()).run(submission, {"wall_s": 2.5}).findings
    assert (finding.code, finding.gate) == ("program_timeout", 2)
    assert "longer than 2." in finding.message
