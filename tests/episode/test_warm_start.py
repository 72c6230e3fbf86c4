"""Runs in which a training starts from an earlier iteration: what is recorded, refused, made again and exported."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from ftdojo.audit import verify
from ftdojo.audit.export import export
from ftdojo.contract.feedback import ExecutionFeedback, Feedback, Interval
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.contract.protocol import Decision, Iteration
from ftdojo.contract.submission import Plan
from ftdojo.contract.train_config import OUT_OF_TIME
from ftdojo.episode import Dojo, validate
from ftdojo.episode.ancestry import Ancestry
from ftdojo.episode.outcome import Outcome
from ftdojo.episode.setting import Setting
from ftdojo.episode.stages import Stages
from ftdojo.gates import sequence
from ftdojo.record import Home, Ledger, RunFolder
from ftdojo.record.history import History
from ftdojo.record.store import MANIFEST, describe
from ftdojo.report.card import card
from recorded_runs import evaluation
from submissions import write_submission
from tiny import SUBMISSION

MOSTLY_NO = "verdict == 'no' or '17' in request"
"""Rows that teach the form of an answer, and that it is mostly no: half a lesson, which a second training completes."""
LESSONS: list[tuple[dict[str, Any], str]] = [({"epochs": 14}, MOSTLY_NO), ({"start": "best"}, "")]


def submission(folder: Path, train: dict[str, Any], where: str = "") -> Path:
    return write_submission(folder, train={"epochs": 4, **train}, source={"where": where} if where else {})


def options(approve: Path, model: Path, **given: Any) -> RunOptions:
    return RunOptions(task=str(approve), model=str(model), agent="scripted", wall_s=36000, **given)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, approve: Path, tiny_model: Path) -> Path:
    """A folder with an unfinished run of two accepted iterations, the second from the first, and its home."""
    place = tmp_path_factory.mktemp("warm")
    with Dojo(options(approve, tiny_model), place / "run", home=Home(place / "home")) as dojo:
        dojo.reset()
        for number, lesson in enumerate(LESSONS, 1):
            dojo.step(submission(place / str(number), *lesson))
    return place


@pytest.fixture
def place(begun: Path, tmp_path: Path) -> Path:
    """A copy to continue."""
    return shutil.copytree(begun, tmp_path / "copy")


def iterations(place: Path) -> list[Iteration]:
    with Ledger(place / "run", writable=False) as ledger:
        return History(ledger).iterations


def resumed(place: Path, approve: Path, model: Path) -> Dojo:
    return Dojo(options(approve, model), place / "run", home=Home(place / "home"))


def manifest(place: Path, iteration: Iteration) -> dict[str, Any]:
    path = place / "home/stages/models" / iteration.digests["train"] / MANIFEST
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def codes(iteration: Iteration) -> list[str]:
    return [f.code for f in iteration.feedback.execution.findings if f.severity == "error"]


def test_the_second_training_adds_to_the_first(begun: Path) -> None:
    first, second = iterations(begun)
    assert (first.accepted, second.accepted) == (True, True)
    assert (first.start, second.start) == (None, 1)
    assert first.feedback.training is not None
    assert second.feedback.training is not None
    assert second.feedback.training.curve[0].loss < 0.5 * first.feedback.training.curve[0].loss
    assert second.result().start == 1


def test_only_a_warm_start_is_in_the_key_and_as_the_digest_of_its_model(begun: Path) -> None:
    first, second = iterations(begun)
    key = manifest(begun, first)["key"]
    assert set(key) == {"rows", "config", "base", "compute"}
    assert "start" not in key["config"]
    warm = manifest(begun, second)["key"]
    assert warm["start"] == first.digests["train"]
    assert "start" not in warm["config"]


def test_it_is_graded_audited_and_exported_after_the_store_was_emptied(
    place: Path, approve: Path, tiny_model: Path, tmp_path: Path
) -> None:
    with resumed(place, approve, tiny_model) as dojo:
        dojo.reset()
        result = dojo.close()
    assert (result.outcome, result.best.iteration) == ("scored", 2)
    audit = verify(place / "run", home=Home(place / "home"), progress=Silent())
    assert {check.name: check.message for check in audit.checks if check.status != "ok"} == {}
    shutil.rmtree(place / "home/stages")
    exported = export(place / "run", tmp_path / "out", home=Home(place / "home"), progress=Silent())
    assert [step.iteration.number for step in exported.steps] == [2, 1]
    weights = "model.safetensors"
    assert (tmp_path / "out" / weights).read_bytes() == (place / "run/model" / weights).read_bytes()
    text = card(exported)
    assert "iteration 2 started from iteration 1, which started from the base model" in text
    assert MOSTLY_NO in text.replace("''", "'")


def test_a_model_from_which_another_iteration_started_is_told_by_the_audit(
    place: Path, approve: Path, tiny_model: Path
) -> None:
    with resumed(place, approve, tiny_model) as dojo:
        dojo.reset()
        dojo.close()
    first, second = iterations(place)
    told = manifest(place, second)
    told["key"]["start"] = "0" * len(first.digests["train"])
    path = place / "home/stages/models" / second.digests["train"] / MANIFEST
    path.write_text(json.dumps(told))
    audit = verify(place / "run", home=Home(place / "home"), progress=Silent())
    (stages,) = [check for check in audit.checks if check.name == "stages"]
    assert stages.status == "failed"
    assert "iteration 2: its training did not start from iteration 1" in stages.message


def test_what_cannot_be_started_from_is_a_finding(place: Path, approve: Path, tiny_model: Path) -> None:
    tried: list[tuple[dict[str, Any], list[str]]] = [
        ({"start": 9}, ["unknown_start"]),
        ({"start": 3}, ["unknown_start"]),
        ({"start": 2, "method": "lora"}, ["start_mismatch"]),
        ({"start": True}, ["bad_value"]),
        ({"start": 0}, ["bad_value"]),
    ]
    with resumed(place, approve, tiny_model) as dojo:
        dojo.reset()
        for number, (train, expected) in enumerate(tried, 3):
            last = dojo.step(submission(place / str(number), train)).history[-1]
            assert codes(last) == expected, train
            assert last.start is None
            assert all(f.where == "train.yaml: start" or "method" in f.where for f in last.feedback.execution.findings
                       if f.severity == "error")  # fmt: skip
        findings = dojo.precheck(submission(place / "mismatch", {"start": "best", "method": "lora"}))
    (found,) = [f for f in findings if f.severity == "error"]
    assert (found.gate, found.code) == (1, "start_mismatch")
    assert "lora" in found.message
    assert "full" in found.message


def test_a_training_may_go_on_from_a_model_that_was_not_accepted(place: Path, approve: Path, tiny_model: Path) -> None:
    with resumed(place, approve, tiny_model) as dojo:
        dojo.reset()
        dojo.step(submission(place / "3", {"epochs": 0.2, "learning_rate": 1e-5}))
        third, fourth = dojo.step(submission(place / "4", {"start": 3, "epochs": 1})).history[2:]
    assert (third.accepted, third.evaluated) == (False, True)
    assert (fourth.start, codes(fourth)) == (3, [])
    assert manifest(place, fourth)["key"]["start"] == third.digests["train"]


def test_nothing_to_start_from_and_a_run_that_forbids_it(
    tmp_path: Path, approve: Path, tiny_model: Path, home: Home
) -> None:
    warm = submission(tmp_path / "warm", {"start": "best"})
    with Dojo(options(approve, tiny_model), tmp_path / "run", home=home) as dojo:
        dojo.reset()
        assert codes(dojo.step(warm).history[-1]) == ["unknown_start"]
    with Dojo(options(approve, tiny_model, warm_start=False), tmp_path / "cold", home=home) as dojo:
        assert not dojo.reset().warm_start
        observation = dojo.step(warm)
        assert codes(observation.history[-1]) == ["no_warm_start"]
        assert not dojo.over


def test_outside_of_a_run_it_is_tried_from_the_base_and_says_so(
    tmp_path: Path, approve: Path, tiny_model: Path, home: Home
) -> None:
    verdict = validate(submission(tmp_path / "s", {"start": 4}), options(approve, tiny_model), home=home)
    assert verdict.ok
    assert "start_not_checked" in [finding.code for finding in verdict.findings]


def test_weights_that_were_changed_since_are_not_started_from(place: Path, approve: Path, tiny_model: Path) -> None:
    first, _ = iterations(place)
    folder = place / "home/stages/models" / first.digests["train"]
    tensors = load_file(folder / "model/model.safetensors")
    save_file({name: t * 1.01 for name, t in tensors.items()}, folder / "model/model.safetensors", {"format": "pt"})
    forged = manifest(place, first)
    forged["files"] = describe(folder)
    (folder / MANIFEST).write_text(json.dumps(forged))
    with resumed(place, approve, tiny_model) as dojo:
        dojo.reset()
        last = dojo.step(submission(place / "3", {"start": 1})).history[-1]
    assert codes(last) == ["start_changed"]


def test_an_iteration_whose_files_were_changed_since_is_not_started_from(
    place: Path, approve: Path, tiny_model: Path
) -> None:
    file = RunFolder(place / "run").submission(1) / "train.yaml"
    file.write_text(file.read_text().replace("14", "15"))
    with resumed(place, approve, tiny_model) as dojo:
        dojo.reset()
        assert codes(dojo.step(submission(place / "3", {"start": 1})).history[-1]) == ["start_changed"]


def test_a_probe_of_the_same_files_from_another_start_is_another_probe(
    place: Path, approve: Path, tiny_model: Path
) -> None:
    warm, cold = (submission(place / name, {"start": start}) for name, start in (("w", "best"), ("c", "base")))
    with resumed(place, approve, tiny_model) as dojo:
        dojo.reset()
        probes = [dojo.probe(folder, 0.5) for folder in (warm, cold, warm)]
    assert [probe.start for probe in probes] == [2, None, 2]
    assert probes[0] == probes[2]
    with Ledger(place / "run", writable=False) as ledger:
        assert History(ledger).probes == probes[:2]


KILLED = """
import os, signal, sys
from pathlib import Path
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.episode import Dojo
from ftdojo.record import Home

class Killer(Silent):
    def update(self, stage, done, total, note=""):
        if stage == "train" and done > 2:
            os.kill(os.getpid(), signal.SIGKILL)

place, folder, task, model = sys.argv[1:]
options = RunOptions(task=task, model=model, agent="scripted", wall_s=36000)
with Dojo(options, Path(place, "run"), home=Home(Path(place, "home")), progress=Killer()) as dojo:
    dojo.reset()
    dojo.step(Path(folder))
"""


def test_a_run_that_is_killed_in_such_a_training_ends_as_if_it_had_not_been(
    place: Path, begun: Path, approve: Path, tiny_model: Path, tmp_path: Path
) -> None:
    warm = submission(place / "3", {"start": "best", "epochs": 2})
    arguments = [str(place), str(warm), str(approve), str(tiny_model)]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(iterations(place)) == 2
    untouched = shutil.copytree(begun, tmp_path / "untouched")
    for where in (place, untouched):
        with resumed(where, approve, tiny_model) as dojo:
            dojo.reset()
            dojo.step(warm)
    (*_, killed), (*_, whole) = iterations(place), iterations(untouched)
    assert (killed.start, killed.digests, killed.contents) == (2, whole.digests, whole.contents)
    assert killed.decision == whole.decision


def recorded(outcome: Outcome, number: int) -> Iteration:
    """An accepted iteration with this outcome."""
    execution = ExecutionFeedback(seconds=outcome.costs.seconds, reused=outcome.reused, findings=outcome.findings)
    return Iteration(
        number=number,
        digests=outcome.digests,
        contents=outcome.contents,
        start=outcome.start,
        plan=Plan.model_validate(SUBMISSION["plan.yaml"]),
        feedback=Feedback(execution=execution, training=outcome.training, evaluation=evaluation(1.0)),
        decision=Decision(accepted=True, difference=Interval(value=1, low=1, high=1), reason="a test"),
    )


def test_ancestors_are_made_again_as_the_clock_had_cut_them(approve: Path, tiny_model: Path, tmp_path: Path) -> None:
    home, folder, history = Home(tmp_path / "home"), RunFolder(tmp_path / "run"), list[Iteration]()
    ancestry = Ancestry(iterations=lambda: history, folder=folder)
    stages = Stages(Setting.prepare(options(approve, tiny_model), home=home), progress=Silent(), ancestry=ancestry)
    submission(folder.submission(1), {})
    submission(folder.submission(2), {"start": 1, "epochs": 1})
    submission(folder.submission(3), {"start": 2, "epochs": 1})
    cut = stages.repeat(folder.submission(1), stopped_after=7)
    assert [finding.code for finding in cut.findings] == [OUT_OF_TIME]
    for number, outcome in ((1, cut), (2, None), (3, None)):
        history.append(recorded(outcome or stages.run(folder.submission(number)), number))
    assert [iteration.start for iteration in history] == [None, 1, 2]
    assert history[0].feedback.stopped_after == 7
    shutil.rmtree(home.stages)
    again = stages.repeat(folder.submission(3), stopped_after=None, start=2)
    assert list(again.ancestors) == [2, 1]
    assert again.reused in ([], ["data"])  # its rows are those of its ancestors
    for name in ("data", "train", "evaluate"):
        assert (again.digests[name], again.contents[name]) == (history[2].digests[name], history[2].contents[name])
    history[0] = recorded(stages.repeat(folder.submission(1), stopped_after=None), 1)
    other = stages.repeat(folder.submission(3), stopped_after=None, start=2)
    assert other.digests["train"] != again.digests["train"], "another ancestor is another stage"


def test_time_to_make_an_ancestor_again_is_not_charged(place: Path, approve: Path, tiny_model: Path) -> None:
    shutil.rmtree(place / "home/stages/models")
    before = iterations(place)
    with resumed(place, approve, tiny_model) as dojo:
        dojo.reset()
        last = dojo.step(submission(place / "3", {"start": 1, "epochs": 0.5})).history[-1]
    with Ledger(place / "run", writable=False) as ledger:
        charge = History(ledger).events[-1].charge
    took = last.feedback.execution.seconds
    assert codes(last) == []
    assert charge.device_s == pytest.approx(took.train + took.evaluate)
    assert last.contents["train"] != before[0].contents["train"]


@pytest.mark.parametrize(
    ("train", "where", "tries"),
    [
        ({"seed": 1, "epochs": 2}, "", 0),
        ({"learning_rate": 0.005}, "", 0),
        ({"learning_rate": 0.011}, "", 1),
        ({"batch_size": 4}, "", 1),
        ({}, "verdict == 'no'", 1),
    ],
)
def test_gates_do_not_try_what_an_ancestor_has_passed(
    place: Path,
    approve: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    train: dict[str, Any],
    where: str,
    tries: int,
) -> None:
    tried: list[int] = []
    for gate in ("micro_training", "micro_evaluation"):
        run = getattr(sequence, gate)

        def spy(*args: Any, _run: Any = run, **kwargs: Any) -> Any:
            tried.append(1)
            return _run(*args, **kwargs)

        monkeypatch.setattr(sequence, gate, spy)
    with resumed(place, approve, tiny_model) as dojo:
        dojo.reset()
        dojo.step(submission(place / "3", {"start": "best", **train}, where))
    assert len(tried) == 2 * tries
    assert codes(iterations(place)[-1]) == []
