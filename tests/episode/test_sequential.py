"""Evaluations that stop early: what is recorded, resumed, charged, audited and exported."""

from __future__ import annotations

import json
import random
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from ftdojo import tasks
from ftdojo.audit import verify
from ftdojo.audit.export import export
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.contract.protocol import Iteration
from ftdojo.contract.result import RunResult
from ftdojo.data import prepare, read_items
from ftdojo.episode import Dojo, predict, run_episode, sequential
from ftdojo.episode.evaluation import Prediction
from ftdojo.episode.sequential import Schedule, schedule_for
from ftdojo.inference import TransformersEngine, engine
from ftdojo.record import Home, Ledger
from ftdojo.record.history import History
from ftdojo.record.store import JOURNAL, MANIFEST
from predicting import predict_validation
from submissions import FAILS, Submits, write_submission

ITEMS = 80
LEARNS: dict[str, Any] = {}


@pytest.fixture(scope="module")
def task(approve: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The task with more items, of which half are for validation."""
    folder = shutil.copytree(approve, tmp_path_factory.mktemp("many") / "approve")
    rng = random.Random(1)
    names, things = ["Ann", "Bob", "Cid", "Dee", "Eve"], ["a lamp", "a course", "paper", "a key"]
    rows: dict[str, str] = {}
    while len(rows) < 2 * ITEMS:
        name = rng.choice(names)
        rows[f"Request {rng.randrange(10_000)}: {name} asks for {rng.choice(things)}."] = (
            "no" if name == "Bob" else "yes"
        )
    lines = [json.dumps({"request": text, "verdict": verdict}) + "\n" for text, verdict in rows.items()]
    (folder / "eval.jsonl").write_text("".join(lines))
    return folder


def play(
    place: Path, task: Path, model: Path, home: Home, trainings: list[dict[str, Any]], **options: Any
) -> tuple[RunResult, list[Iteration]]:
    folders = [write_submission(place / "work" / str(n), train=training) for n, training in enumerate(trainings)]
    given = RunOptions(task=str(task), model=str(model), agent="scripted", **{"sequential": True, **options})
    with Dojo(given, place / "run", home=home) as dojo:
        result = run_episode(dojo, Submits(*folders))
    with Ledger(place / "run", writable=False) as ledger:
        return result, History(ledger).iterations


@pytest.fixture(scope="module")
def played(task: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run: accepted, then rejected early."""
    place = tmp_path_factory.mktemp("played")
    play(place, task, tiny_model, Home(place / "home"), [LEARNS, FAILS])
    return place


def iterations(place: Path) -> list[Iteration]:
    with Ledger(place / "run", writable=False) as ledger:
        return History(ledger).iterations


def test_only_the_rejected_one_stops_early_and_says_so(played: Path) -> None:
    good, bad = iterations(played)
    assert good.decision is not None
    assert (good.accepted, good.decision.answered) == (True, None)
    assert good.score is not None
    assert good.score.n == ITEMS
    assert bad.decision is not None
    assert bad.decision.answered is not None
    assert bad.decision.answered < ITEMS
    assert not bad.accepted
    assert f"on {bad.decision.answered} of {ITEMS} items" in bad.decision.reason
    assert bad.score is not None
    assert bad.score.n == bad.decision.answered
    assert bad.feedback.evaluation is not None
    assert bad.feedback.evaluation.to_best == bad.decision.difference


def test_complete_evaluations_decide_the_same(played: Path, task: Path, tiny_model: Path, tmp_path: Path) -> None:
    home = Home(shutil.copytree(played / "home", tmp_path / "home"))
    _, whole = play(tmp_path, task, tiny_model, home, [LEARNS, FAILS], sequential=False)
    assert [i.accepted for i in whole] == [i.accepted for i in iterations(played)]
    assert [i.score and i.score.n for i in whole] == [ITEMS, ITEMS]
    assert all(i.decision and i.decision.answered is None for i in whole)


def test_the_audit_repeats_the_stop(played: Path) -> None:
    audit = verify(played / "run", home=Home(played / "home"), progress=Silent())
    assert {c.name: c.message for c in audit.checks if c.status != "ok"} == {}


def test_the_audit_finds_a_stop_that_the_rule_does_not_make(
    played: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run of a build whose rule stops later, or not at all."""
    place = shutil.copytree(played, tmp_path / "copy")
    for rule, message in ((lambda *_: False, "where the rule goes on"), (lambda *_: True, "the rule stops after 16")):
        monkeypatch.setattr(sequential, "is_futile", lambda comparison, rule=rule: rule(comparison))
        audit = verify(place / "run", home=Home(place / "home"), progress=Silent())
        failed = {c.name: c.message for c in audit.checks if c.status == "failed"}
        assert set(failed) == {"decisions"}
        assert message in failed["decisions"]


def test_the_accepted_model_is_exported_with_its_score(played: Path, tmp_path: Path) -> None:
    exported = export(played / "run", tmp_path / "model", home=Home(played / "home"), progress=Silent())
    assert exported.score == iterations(played)[0].score


def answer(task: Path, model: Path, root: Path, stop: predict.Stop | None) -> tuple[float, list[Prediction], Schedule]:
    variant, found = tasks.get(str(task)).variant(None)
    data = prepare(found, variant, Home(root))
    schedule = schedule_for(found, read_items(data.validation), sequential=True)
    assert schedule is not None
    stage, items, predictions = predict_validation(task, model, root, schedule=schedule, stop=stop)
    assert [str(item["id"]) for item in items] == [p.id for p in predictions]
    return stage.seconds, predictions, schedule


def test_parts_are_answered_once_and_in_the_order_of_the_file(task: Path, tiny_model: Path, tmp_path: Path) -> None:
    sizes: list[int] = []

    def stop(items: Any, predictions: Any) -> bool:
        sizes.append(len(predictions))
        return len(sizes) == 2

    _, part, schedule = answer(task, tiny_model, tmp_path, stop)
    assert sizes == list(schedule.looks[:2]) == [16, 32]
    assert len(part) == 32
    _, whole, _ = answer(task, tiny_model, tmp_path, None)
    assert len(whole) == ITEMS
    assert [p for p in whole if p.id in {q.id for q in part}] == part
    _, again, _ = answer(task, tiny_model, tmp_path, lambda items, _: len(items) == 32)
    assert again == part, "where another evaluation went on does not matter"


def test_an_evaluation_that_is_killed_in_its_second_part_goes_on(
    task: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engine.MAX_BATCH, "cpu", 8)
    pause_s, load_s = 0.05, 0.5
    batches: list[int] = []
    real, opened = TransformersEngine._answer, TransformersEngine.__init__
    stops = False

    def counted(self: TransformersEngine, prompts: Any, limit: int) -> Any:
        if stops and len(batches) == 3:
            raise KeyboardInterrupt
        batches.append(len(prompts))
        time.sleep(pause_s)
        return real(self, prompts, limit)

    def slowly(self: TransformersEngine, *arguments: Any) -> None:
        time.sleep(load_s)
        opened(self, *arguments)

    monkeypatch.setattr(TransformersEngine, "_answer", counted)
    monkeypatch.setattr(TransformersEngine, "__init__", slowly)
    end = lambda items, _: len(items) == 48  # noqa: E731
    whole_s, whole, _ = answer(task, tiny_model, tmp_path / "whole", end)
    every = len(batches)
    batches.clear()
    stops = True
    with pytest.raises(KeyboardInterrupt):
        answer(task, tiny_model, tmp_path / "cut", end)
    assert len(list((tmp_path / "cut/stages").rglob(JOURNAL))) == 1
    first, stops = len(batches), False
    batches.clear()
    cut_s, cut, _ = answer(task, tiny_model, tmp_path / "cut", end)
    assert cut == whole
    assert first + len(batches) == every == 6
    assert cut_s == pytest.approx(whole_s, abs=0.8 * load_s), "loading is charged once"
    assert cut_s >= load_s + every * pause_s
    assert not list((tmp_path / "cut/stages").rglob(JOURNAL))


def test_a_run_that_is_killed_in_an_evaluation_ends_the_same(
    played: Path, task: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the base model answers, and each of two submissions. What the other run has trained is in the cache, its
    answers to validation and test are not."""
    home = Home(shutil.copytree(played / "home", tmp_path / "home"))
    for manifest in home.stages.glob(f"*/*/{MANIFEST}"):
        if json.loads(manifest.read_text())["kind"] == "predictions":
            shutil.rmtree(manifest.parent)
    real, calls, cut = TransformersEngine._answer, [0], [0]
    monkeypatch.setitem(engine.MAX_BATCH, "cpu", 8)

    def interrupted(self: TransformersEngine, prompts: Any, limit: int) -> Any:
        calls[0] += 1
        if calls[0] == cut[0]:
            raise KeyboardInterrupt
        return real(self, prompts, limit)

    monkeypatch.setattr(TransformersEngine, "_answer", interrupted)
    # The base model and the first submission take ten batches each. What was answered before is not asked again.
    for at in (4, 7 + 5, 6 + 2):
        calls[0], cut[0] = 0, at
        with pytest.raises(KeyboardInterrupt):
            play(tmp_path / "cut", task, tiny_model, home, [LEARNS, FAILS])
    cut[0] = 0
    _, ended = play(tmp_path / "cut", task, tiny_model, home, [LEARNS, FAILS])
    same = iterations(played)
    assert [i.decision for i in ended] == [i.decision for i in same]
    assert [(i.digests, i.contents) for i in ended] == [(i.digests, i.contents) for i in same]


def test_a_metric_of_the_whole_set_is_never_stopped() -> None:
    found = tasks.get("patent/par4pc")
    assert found.spec.pooled
    assert schedule_for(found, [{"id": str(i)} for i in range(200)], sequential=True) is None
