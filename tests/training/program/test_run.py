"""A whole run with a training program: interrupted, resumed, verified, exported and made again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from ftdojo.audit import verify
from ftdojo.audit.export import export
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.digest import of_file
from ftdojo.outside import answers
from ftdojo.record import Home
from ftdojo.report.card import card
from resumed_runs import play_resumed, read_iterations
from submissions import Submits, write_submission
from tiny import allow_methods

SUBMITTED = Path(__file__).parents[2] / "faults/good_training_program"
TRAIN = yaml.safe_load((SUBMITTED / "train.yaml").read_text())


def submission(folder: Path, program: str | None = None, **changes: Any) -> Path:
    """Write the submission of the corpus to a folder."""
    write_submission(folder)
    (folder / "train.yaml").write_text(yaml.safe_dump(TRAIN | changes))
    (folder / "train.py").write_text(program or (SUBMITTED / "train.py").read_text())
    return folder


@pytest.fixture(scope="module")
def task(approve: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task that does not allow the method itself: the runs do."""
    folder = allow_methods(approve, tmp_path_factory.mktemp("own") / "approve", "full")
    with (folder / "task.toml").open("a") as file:
        file.write("max_change = 5\n")
    return folder


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Submits:
    """The first program teaches the most frequent answer, the second one fails."""
    made = tmp_path_factory.mktemp("submissions")
    failing = "import sys\nsys.exit('no GPU was found')\n"
    return Submits(submission(made / "1"), submission(made / "2", failing))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, task: Path, tiny_model: Path, home: Home, agent: Submits) -> Path:
    """A finished run that was interrupted after its first iteration and resumed."""
    run = tmp_path_factory.mktemp("place") / "run"
    options = RunOptions(task=str(task), model=str(tiny_model), agent="scripted", methods=("full", "program"))
    result = play_resumed(options, run, home, agent)
    assert [i.accepted for i in result.iterations] == [True, False], result.iterations
    assert result.best.test is not None
    assert result.baseline.test is not None
    assert result.best.test.value > result.baseline.test.value
    return run


def test_its_progress_becomes_feedback(run: Path) -> None:
    trained, failed = read_iterations(run)
    training = trained.feedback.training
    assert training is not None
    assert [point.step for point in training.curve] == list(range(1, training.steps + 1))
    assert training.curve[0].loss > training.train_loss
    assert training.epochs == 1
    assert training.peak_memory_bytes > 2**20
    (finding,) = failed.feedback.execution.findings
    assert (finding.code, finding.gate, finding.where) == ("program_failed", 4, "train.py")
    assert "no GPU was found" in finding.message


def test_the_run_is_verified_with_its_lineage(run: Path, home: Home) -> None:
    audit = verify(run, home=home, progress=Silent())
    assert {check.name: check.message for check in audit.checks if check.status != "ok"} == {}


def test_a_program_that_was_changed_afterwards_fails_the_audit(run: Path, home: Home, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    with (copy / "submissions/001/train.py").open("a") as file:
        file.write("# changed\n")
    audit = verify(copy, home=home, progress=Silent())
    assert "submissions" in {check.name for check in audit.checks if check.status == "failed"}


def test_it_is_trained_again_to_the_same_model_when_the_store_is_gone(run: Path, home: Home, tmp_path: Path) -> None:
    shutil.copytree(home.data, tmp_path / "home/data")
    made = export(run, tmp_path / "out", home=Home(tmp_path / "home"), progress=Silent())
    assert made.score == made.steps[0].iteration.score
    assert of_file(made.written.folder / "model.safetensors") == of_file(run / "model/model.safetensors")
    assert "numpy.linalg.qr" in card(made)


def test_outside_agents_read_of_it_where_it_is_allowed(agent: Submits, run: Path) -> None:
    seen = agent.seen[0]
    task = answers.describe_task(seen, {})
    assert "train.py --model DIR --rows FILE --job FILE --output DIR" in task["training_program"]
    assert len(json.dumps(task)) < 6000
    schema = answers.describe_schema("train.yaml", seen.task.rules.methods, "program")["schema"]["properties"]
    assert {"settings", "max_change", "wall_s", "memory_gib", "weights"} <= schema.keys()
    assert schema.keys().isdisjoint({"code", "learning_rate", "epochs", "start"})
    assert "train.py" in answers.check_files({"train.py": "pass"})
