"""Recipes that let a run's own models answer raw rows, in whole runs: what is trained on, charged, resumed, audited."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ftdojo.audit import verify
from ftdojo.audit.evidence import Evidence
from ftdojo.audit.remake import remake_rows
from ftdojo.contract.call import Call, own_model
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.contract.protocol import Iteration
from ftdojo.episode import Dojo, run_episode, validate
from ftdojo.episode.headroom import limit_tokens
from ftdojo.inference.own_model import OwnModel
from ftdojo.llm import Request
from ftdojo.llm.transport import Answer
from ftdojo.record import Home, Ledger
from ftdojo.record.events import BaselineMeasured
from ftdojo.record.history import History
from submissions import Submits, write_submission
from tiny import allow_methods

SAMPLE = {"samples": 2, "max_tokens": 4, "temperature": 1.0}


@dataclass(frozen=True)
class Sampled:
    """A finished run: a plain training, then one on answers of its model, which goes on from there."""

    run: Path
    home: Home
    options: RunOptions
    submission: Path
    iterations: list[Iteration]
    calls: list[Call]


@pytest.fixture(scope="module")
def sampled(finished_run: Path, approve: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Sampled:
    folder = tmp_path_factory.mktemp("sampled")
    plain = write_submission(folder / "plain")
    own = write_submission(
        folder / "own",
        recipe={"sample": {**SAMPLE, "model": "start", "otherwise": "drop"}, "max_rows": 60},
        train={"start": "best", "epochs": 1, "learning_rate": 0.001},
    )
    options = RunOptions(task=str(approve), model=str(tiny_model), agent="scripted", submissions=2, teachers="self")
    run, home = folder / "run", Home(folder / "home")
    shutil.copytree(finished_run / "home", home.root)
    with Dojo(options, run, home=home) as dojo:
        run_episode(dojo, Submits(plain, own))
    with Ledger(run, writable=False) as ledger:
        history = History(ledger)
        calls = [call for made in history.data_calls for call in made]
        return Sampled(run, home, options, own, history.iterations, calls)


def rows_of(sampled: Sampled) -> list[dict[str, Any]]:
    lines = (sampled.home.stages / "rows" / sampled.iterations[1].digests["data"] / "rows.jsonl").read_text("utf-8")
    return [json.loads(line) for line in lines.splitlines()]


def test_a_training_goes_on_with_right_answers_of_the_model_that_it_starts_from(
    sampled: Sampled, approve: Path
) -> None:
    first, second = sampled.iterations
    assert first.accepted
    assert second.start == 1
    assert {(c.pool, c.model) for c in sampled.calls} == {("start", own_model(first.digests["train"]))}
    raw = [json.loads(line) for line in (approve / "train.jsonl").read_text("utf-8").splitlines()]
    wanted = {row["request"]: row["verdict"] for row in raw}
    rows = rows_of(sampled)
    assert all(row["completion"] == wanted[row["prompt"]] for row in rows)
    assert all(row["sampled"]["kept"] and row["sampled"]["right"] for row in rows)
    assert second.feedback.data is not None
    report = second.feedback.data.sampled
    assert report is not None
    assert (report.rows, report.samples, report.k) == (60, 120, 2)
    assert len(rows) == report.solved == report.kept
    assert report.pass_1 <= report.pass_k


def test_headroom_is_measured_of_the_base_model_and_of_accepted_ones_and_not_charged_as_calls(
    sampled: Sampled,
) -> None:
    with Ledger(sampled.run, writable=False) as ledger:
        base = History(ledger).require(BaselineMeasured).headroom
    best = sampled.iterations[0].feedback.headroom
    assert base is not None
    assert best is not None
    assert (base.rows, base.samples, best.rows, best.samples) == (24, 96, 24, 96)
    assert (base.right, base.kept, best.kept) == (0, 0, 0), "a model of random weights is never right"
    assert 0 < best.pass_1 <= best.pass_k
    assert (sampled.iterations[1].feedback.headroom is None) == (not sampled.iterations[1].accepted)
    assert len(sampled.calls) == 120, "the samples of the recipe alone are in the record"


@pytest.mark.parametrize(
    ("task", "reasoning", "most"), [(8, 0, 8), (1024, 0, 256), (40, 32, 40), (1032, 1000, 1032), (30000, 20000, 16384)]
)
def test_reasoning_does_not_count_as_answer_in_the_limit_of_a_sample(task: int, reasoning: int, most: int) -> None:
    assert limit_tokens(task, reasoning) == most


def test_its_calls_are_charged_and_pass_the_audit(sampled: Sampled) -> None:
    with Ledger(sampled.run, writable=False) as ledger:
        spent = History(ledger).spent
    assert spent.output_tokens == sum(call.usage.output_tokens for call in sampled.calls) > 0
    checks = {check.name: check for check in verify(sampled.run, home=sampled.home, progress=Silent()).checks}
    assert [check.name for check in checks.values() if check.status == "failed"] == []
    assert checks["teachers"].status == checks["stages"].status == "ok"


def forbidden(self: OwnModel, request: Request) -> Answer:
    raise AssertionError("the model was asked")


def test_an_audit_makes_its_rows_again_from_the_recorded_calls(
    sampled: Sampled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OwnModel, "send", forbidden)
    with Ledger(sampled.run, writable=False) as ledger:
        assert remake_rows(Evidence(sampled.run, ledger, sampled.home, None), 2, Silent()) == []


def test_rows_are_made_again_from_the_record_alone(
    sampled: Sampled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rows_of(sampled)
    home = Home(tmp_path / "home")
    shutil.copytree(sampled.home.root, home.root)
    shutil.copytree(sampled.run, tmp_path / "run")
    shutil.rmtree(home.stages / "rows" / sampled.iterations[1].digests["data"])
    monkeypatch.setattr(OwnModel, "send", forbidden)
    with Dojo(sampled.options.model_copy(update={"submissions": 3}), tmp_path / "run", home=home) as dojo:
        assert dojo.recorded_calls == []
        outcome = dojo._stages.repeat(sampled.submission, stopped_after=None, start=1)
    assert outcome.digests["data"] == sampled.iterations[1].digests["data"]
    copied = Sampled(tmp_path / "run", home, sampled.options, sampled.submission, sampled.iterations, sampled.calls)
    assert rows_of(copied) == before


@pytest.mark.parametrize("change", ["a model that was not accepted", "another pool"])
def test_verify_finds_a_call_of_another_model(sampled: Sampled, tmp_path: Path, change: str) -> None:
    run = tmp_path / "run"
    shutil.copytree(sampled.run, run, ignore=shutil.ignore_patterns("ledger*"))
    with Ledger(sampled.run, writable=False) as before, Ledger(run) as after:
        for event in before.events():
            payload = event.payload
            if "call" in payload:
                payload["call"].update(
                    {"model": own_model("0" * 32)} if change.startswith("a model") else {"pool": "self"}
                )
            after.append(event.kind, payload)
    checks = {check.name: check for check in verify(run, home=sampled.home, progress=Silent()).checks}
    assert checks["teachers"].status == "failed"


def test_a_model_that_the_run_does_not_have_is_refused_before_anything_runs(sampled: Sampled, tmp_path: Path) -> None:
    without = sampled.options.model_copy(update={"teachers": None})
    folder = write_submission(tmp_path / "s", recipe={"sample": SAMPLE})
    (finding,) = validate(folder, without, home=sampled.home).findings
    assert (finding.gate, finding.code, finding.where) == (1, "no_such_model", "recipe.yaml: sample.model")
    assert "--teachers self" in finding.fix
    folder = write_submission(tmp_path / "other", recipe={"sample": {**SAMPLE, "model": "strong"}})
    (finding,) = validate(folder, sampled.options, home=sampled.home).findings
    assert finding.fix == "choose one of: self, start"


def test_a_recipe_makes_pairs_for_a_training_on_preferences(sampled: Sampled, approve: Path, tmp_path: Path) -> None:
    """With another answer of the closed set, and with what the base model answers wrongly."""
    task = allow_methods(approve, tmp_path / "task", "full", "dpo")
    options = sampled.options.model_copy(update={"task": str(task)})
    train = {"method": "dpo", "weights": "full", "learning_rate": 1e-4, "epochs": 1, "max_length": 64}
    recipes: dict[str, dict[str, Any]] = {
        "other": {"pairs": "other_answer"},
        "sample": {"pairs": "sample", "sample": {**SAMPLE, "keep": 0, "samples": 1}, "max_rows": 40},
    }
    for name, recipe in recipes.items():
        folder = write_submission(tmp_path / name, recipe=recipe)
        (folder / "train.yaml").write_text(json.dumps(train))
        with Dojo(options, tmp_path / "run", home=sampled.home) as dojo:
            dojo.reset()
            findings = dojo.precheck(folder)
        assert [f.code for f in findings if f.severity == "error"] == []
    files = sampled.home.stages.glob("rows/*/rows.jsonl")
    rows = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    pairs = [row for row in rows if "rejected" in row]
    assert {row["rejected"] for row in pairs if "sampled" not in row} == {"yes", "no"}
    drawn = [row for row in pairs if "sampled" in row]
    assert drawn
    assert all(row["rejected"] != row["chosen"] and row["sampled"]["samples"] == 1 for row in drawn)


VERDICTS = ("yes", "no")
"""Of requests by Ann and by Bob."""
CROWD, WRONG = 40, 6
"""Rows that may have a wrong label, and how many have one. Three times as many are right."""


def test_rows_with_wrong_labels_are_dropped_by_a_model_that_was_trained_on_others(
    approve: Path, tiny_model: Path, tmp_path: Path
) -> None:
    """And an audit makes the same rows again, from the recorded calls."""
    task = tmp_path / "task"
    shutil.copytree(approve, task)
    rows = []
    for number in range(4 * CROWD):
        who, by = number // 4 % 2, "staff" if number % 4 else "crowd"
        is_wrong = by == "crowd" and number < 4 * WRONG
        request = f"Form {number}: {('Ann', 'Bob')[who]} asks for a lamp."
        rows.append({"request": request, "verdict": VERDICTS[(who + is_wrong) % 2], "by": by})
    wrong = {row["request"] for row in rows[: 4 * WRONG : 4]}
    (task / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    first = write_submission(tmp_path / "first", source={"where": "by == 'staff'"})
    second = write_submission(
        tmp_path / "second",
        source={"where": "by == 'crowd'"},
        recipe={"sample": {**SAMPLE, "model": "start", "keep": 0, "contradicted": "drop"}},
        train={"start": "best", "epochs": 1, "learning_rate": 0.001},
    )
    options = RunOptions(task=str(task), model=str(tiny_model), agent="scripted", submissions=2, teachers="self")
    run, home = tmp_path / "run", Home(tmp_path / "home")
    with Dojo(options, run, home=home) as dojo:
        run_episode(dojo, Submits(first, second))
    with Ledger(run, writable=False) as ledger:
        iterations = History(ledger).iterations
    data = iterations[1].feedback.data
    assert data is not None
    assert data.sampled is not None
    lines = (home.stages / "rows" / iterations[1].digests["data"] / "rows.jsonl").read_text("utf-8").splitlines()
    left = {json.loads(line)["prompt"] for line in lines}
    assert wrong.isdisjoint(left)
    assert len(left) >= CROWD - WRONG - 2
    assert data.sampled.dropped == data.sampled.contradicted == CROWD - data.rows
    assert iterations[0].feedback.headroom is not None
    assert iterations[0].feedback.headroom.mastered > 0
    checks = verify(run, home=home, progress=Silent()).checks
    assert [check.name for check in checks if check.status == "failed"] == []
    with Ledger(run, writable=False) as ledger:
        assert remake_rows(Evidence(run, ledger, home, None), 2, Silent()) == []
