"""A training that the clock has cut is a stage of its own, found again by the step where it ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from ftdojo.contract.feedback import ExecutionFeedback, Feedback
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.contract.train_config import OUT_OF_TIME
from ftdojo.episode.outcome import Outcome
from ftdojo.episode.setting import Setting
from ftdojo.episode.stages import Stages
from ftdojo.record import Home
from submissions import write_submission


@pytest.fixture
def stages(approve: Path, tiny_model: Path, tmp_path: Path) -> Stages:
    setting = Setting.prepare(RunOptions(task=str(approve), model=str(tiny_model)), home=Home(tmp_path / "home"))
    return Stages(setting, progress=Silent())


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    return write_submission(tmp_path / "submission")


def told(outcome: Outcome) -> Feedback:
    execution = ExecutionFeedback(seconds=outcome.costs.seconds, reused=outcome.reused, findings=outcome.findings)
    return Feedback(execution=execution, training=outcome.training)


def test_a_cut_training_is_evaluated_and_found_again(stages: Stages, submission: Path) -> None:
    whole = stages.run(submission)
    assert told(whole).stopped_after is None
    cut = stages.repeat(submission, stopped_after=7)
    assert cut.predictions is not None
    assert [finding.code for finding in cut.findings] == [OUT_OF_TIME]
    assert told(cut).stopped_after == 7
    assert cut.digests["train"] != whole.digests["train"]
    again = stages.repeat(submission, stopped_after=told(cut).stopped_after)
    assert again.reused == ["data", "train", "evaluate"]
    assert again.findings == cut.findings


def test_no_training_is_begun_that_outlasts_the_budget(stages: Stages, submission: Path) -> None:
    stages.baseline()
    outcome = stages.run(submission, {"wall_s": 0.0})
    assert outcome.predictions is None
    assert [finding.code for finding in outcome.findings if finding.severity == "error"] == ["over_budget"]
    assert outcome.costs.seconds.train > 0.1  # the trial that said so has trained
