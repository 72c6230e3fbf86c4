"""A guard against forgetting: who is accepted, what is recorded and shown, resumed and audited.

The base model of these runs has learned to say yes or no. They teach it to say ja or nein to requests in another form,
and guard the first.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from forgeries import edit_events
from ftdojo import tasks
from ftdojo.agents.ft_agent import context
from ftdojo.audit import verify
from ftdojo.audit.export import export
from ftdojo.contract.feedback import Interval
from ftdojo.contract.options import RunOptions
from ftdojo.contract.progress import Silent
from ftdojo.contract.protocol import Decision, Iteration, Observation
from ftdojo.contract.result import RunResult
from ftdojo.data import read_items
from ftdojo.episode import Dojo, ladder, run_episode
from ftdojo.episode.guard import MOST_ITEMS, Guard, choose_items, compare_with_base, decide_guarded, describe_losses
from ftdojo.errors import UsageError
from ftdojo.inference import engine
from ftdojo.outside.answers import describe_task
from ftdojo.record import Home, Ledger
from ftdojo.record.history import History
from ftdojo.record.store import MANIFEST
from ftdojo.report import closing_table, text, write_report
from ftdojo.report.card import card
from ftdojo.tasks.spec import ItemScore
from submissions import FAILS, Submits, write_submission

GERMAN = {"yes": "ja", "no": "nein"}
GUARDED = "own/approve"
CHANGES: list[dict[str, Any]] = [
    {"source": {"where": "kind == 'new'"}},
    {"train": {"learning_rate": 0.003, "epochs": 20}},
    {"train": FAILS},
]
"""Of submissions: better and forgetful, better and not forgetful, not better."""
MARGIN = 10.0
"""Of 30 items; five points would need more."""


@pytest.fixture(scope="module")
def german(approve: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task folder: the answers are German, and so is a word before the request. Half of the raw rows are of the task
    that is guarded."""
    folder = shutil.copytree(approve, tmp_path_factory.mktemp("german") / "german")
    text = (folder / "task.toml").read_text().replace(GUARDED, "own/german")
    (folder / "task.toml").write_text(text.replace("yes or no", "ja or nein"))
    for name in ("train", "eval"):
        old = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
        new = [
            {"request": row["request"].replace(":", "!"), "verdict": GERMAN[row["verdict"]], "kind": "new"}
            for row in old
        ]
        kept = [{**row, "kind": "old"} for row in old] if name == "train" else []
        rows = [row for pair in zip(new, kept, strict=True) for row in pair] if kept else new
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def submits(folder: Path, changes: Sequence[dict[str, Any]]) -> Submits:
    """An agent whose submissions have these changes, each the arguments of :func:`write_submission`."""
    return Submits(*(write_submission(folder / str(number), **keys) for number, keys in enumerate(changes)))


def play(
    place: Path, task: Path, model: Path, home: Home, changes: Sequence[dict[str, Any]], **options: Any
) -> tuple[RunResult, list[Observation]]:
    given = RunOptions(task=str(task), model=str(model), agent="scripted", **options)
    agent = submits(place / "work", changes)
    with Dojo(given, place / "run", home=home) as dojo:
        return run_episode(dojo, agent), agent.seen


@pytest.fixture(scope="module")
def base(finished_run: Path) -> Path:
    """A base model that says yes or no."""
    return finished_run / "run/model"


@pytest.fixture(scope="module")
def played(german: Path, base: Path, approve: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run: better and forgetful, better and not forgetful, not better."""
    place = tmp_path_factory.mktemp("played")
    play(place, german, base, Home(place / "home"), CHANGES, guard=(str(approve),), guard_margin=MARGIN)
    return place


def iterations(place: Path) -> list[Iteration]:
    with Ledger(place / "run", writable=False) as ledger:
        return History(ledger).iterations


def finished(place: Path) -> RunResult:
    return RunResult.read((place / "run/result.json").read_bytes(), "result.json")


def test_what_forgets_is_rejected_with_the_reason_and_what_keeps_is_accepted(played: Path) -> None:
    forgets, keeps, fails = iterations(played)
    assert [i.accepted for i in (forgets, keeps, fails)] == [False, True, False]
    assert forgets.decision is not None
    assert forgets.decision.difference.low > 0, "on its own task it is better"
    (lost,) = forgets.decision.guard
    assert (lost.task, lost.verdict, lost.margin, lost.model.value) == (GUARDED, "lost", MARGIN, 0.0)
    assert lost.difference == -lost.base.value
    assert lost.interval[1] < 0
    assert forgets.decision.reason.startswith(f"not shown to keep a guard task: {GUARDED} -")
    (finding,) = (f for f in forgets.feedback.execution.findings if f.code == "forgotten")
    assert finding.severity == "warning"
    assert "mix in rows" in finding.fix
    assert keeps.decision is not None
    assert [(g.difference, g.verdict) for g in keeps.decision.guard] == [(0.0, "kept")]
    assert f"guard: {GUARDED} +0.0 points" in keeps.decision.reason
    assert fails.decision is not None
    assert fails.decision.guard == [], "what is not better answers no guard task"
    assert not any(name.startswith("guard") for name in fails.digests)


def test_the_time_is_charged_as_evaluation(played: Path) -> None:
    forgets, _, fails = iterations(played)
    stages = [
        json.loads((played / "home/stages/predictions" / forgets.digests[name] / "manifest.json").read_text())
        for name in ("evaluate", f"guard {GUARDED}")
    ]
    seconds = forgets.feedback.execution.seconds.evaluate
    assert seconds == pytest.approx(sum(stage["seconds"] for stage in stages))
    assert seconds > fails.feedback.execution.seconds.evaluate


def test_it_is_in_the_result_the_pages_and_the_card(played: Path, tmp_path: Path) -> None:
    result = finished(played)
    assert result.best.iteration == 2
    assert result.guard == result.iterations[1].guard
    assert [i.forgotten for i in result.iterations] == [True, False, False]
    stream = StringIO()
    Console(file=stream, width=80).print(closing_table(result))
    assert "difference, margin 10" in stream.getvalue()
    assert "+0.0 points [−9.2,\N{NO-BREAK SPACE}+9.2], kept" in stream.getvalue()
    assert "forgets" in stream.getvalue()
    page = write_report(played / "run").read_text()
    assert "+0.0 points [−9.2,\N{NO-BREAK SPACE}+9.2], kept" in page
    assert "--guard" in page, "the command that repeats the run guards the same"
    exported = export(played / "run", tmp_path / "out", home=Home(played / "home"), progress=Silent())
    assert f"| {GUARDED} |" in card(exported).replace("\\", "")


def test_what_needs_no_training_is_measured_on_the_same_items_and_shown(played: Path, tmp_path: Path) -> None:
    measured, (guarded,) = finished(played).guard_trivial[GUARDED], finished(played).guard
    answers = measured.answers
    assert answers.constant_output == "yes"
    assert answers.constant.n == guarded.base.n
    assert measured.to_constant.value == pytest.approx(guarded.base.value - answers.constant.value)
    assert answers.few_shot is not None
    scores = [text.score(answers.constant), text.score(answers.few_shot)]
    stream = StringIO()
    Console(file=stream, width=80).print(closing_table(finished(played)))
    exported = export(played / "run", tmp_path / "out", home=Home(played / "home"), progress=Silent())
    for shown in (stream.getvalue(), write_report(played / "run").read_text(), card(exported)):
        assert "always answering yes" in shown
        assert all(score in shown for score in scores)


class Heard(Silent):
    """Keeps the lines that stay on the screen."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def test_a_base_model_that_is_no_better_than_a_constant_is_warned_of(
    played: Path, german: Path, base: Path, approve: Path, tmp_path: Path
) -> None:
    """This base model knows no German, so it has nothing to forget there."""
    options = RunOptions(task=str(approve), model=str(base), agent="scripted", guard=(str(german),))
    heard = Heard()
    with Dojo(options, tmp_path / "run", home=Home(played / "home"), progress=heard) as dojo:
        seen = dojo.reset()
    assert not seen.guard_trivial["own/german"].to_constant.better
    says = "warning: guard task own/german: the base model is not shown to be better than always answering"
    assert any(line.startswith(says) for line in heard.lines)


def test_the_constants_of_a_large_task_answer_the_items_that_are_asked(approve: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(approve, tmp_path / "large")
    row = json.loads((folder / "eval.jsonl").read_text().splitlines()[0])
    rows = [row | {"request": f"Request {i}: Ann asks for {i} days off."} for i in range(5 * MOST_ITEMS)]
    (folder / "eval.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    guard = Guard.prepare(str(folder), Home(tmp_path / "home"))
    assert guard.schedule is not None
    with guard.asked() as data:
        items, path = read_items(data.validation), data.validation
    everything = read_items(guard.data.validation)
    assert items == [everything[i] for i in guard.schedule.part(MOST_ITEMS)]
    assert not path.exists()


def test_planners_are_told(played: Path, german: Path, base: Path, approve: Path) -> None:
    options = RunOptions(
        task=str(german), model=str(base), agent="scripted", guard=(str(approve),), guard_margin=MARGIN
    )
    with Dojo(options, played / "run", home=Home(played / "home")) as dojo:
        seen = dojo.reset()
    assert list(seen.guard) == [GUARDED]
    assert seen.guard_margin == MARGIN
    assert f"Guard: a model is rejected unless it keeps what the base model can do on {GUARDED}" in context.task(seen)
    assert GUARDED in describe_task(seen, {})["base_model_scores_on_guard_tasks"]
    assert f"Guard task {GUARDED} without any training: always answering <<<yes>>> scores" in context.task(seen)
    assert GUARDED in describe_task(seen, {})["without_training_on_guard_tasks"]
    plain = seen.model_copy(update={"guard": {}})
    assert "Guard" not in context.task(plain)
    assert not any("guard" in key for key in describe_task(plain, {}))


def test_other_guards_are_another_run(played: Path, german: Path, base: Path, approve: Path) -> None:
    for options, says in (
        ({}, "guard"),
        ({"guard": (str(approve),)}, "guard_margin: 10.0 in the run, 5.0 now"),
    ):
        with pytest.raises(UsageError, match=says):
            play(played, german, base, Home(played / "home"), [], **options)


def test_the_ladder_hides_a_forgetful_submission_but_for_its_guard(played: Path) -> None:
    shown = ladder.hide_rejected(iterations(played), iterations(played)[1].feedback.evaluation)  # type: ignore[arg-type]
    assert shown[0].decision is not None
    assert shown[0].decision.difference.value == 0
    assert shown[0].decision.guard == iterations(played)[0].decision.guard  # type: ignore[union-attr]
    assert "not shown to keep a guard task" in shown[0].verdict
    assert shown[2].decision is not None
    assert "not shown to be better" in shown[2].decision.reason


class Cut(Silent):
    """Interrupts the process within the first answers to a guard task that it begins itself."""

    begun = False

    def update(self, stage: str, done: float, total: float, note: str = "") -> None:
        if stage.startswith("guard "):
            if self.begun and done:
                raise KeyboardInterrupt
            self.begun = not done


def test_a_run_that_is_killed_while_a_guard_task_is_answered_ends_the_same(
    played: Path, german: Path, base: Path, approve: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engine.MAX_BATCH, "cpu", 8)
    home = Home(shutil.copytree(played / "home", tmp_path / "home"))
    for manifest in home.stages.glob(f"*/*/{MANIFEST}"):
        if json.loads(manifest.read_text())["kind"] == "predictions":
            shutil.rmtree(manifest.parent)
    options = RunOptions(
        task=str(german), model=str(base), agent="scripted", guard=(str(approve),), guard_margin=MARGIN
    )
    agent = submits(tmp_path / "work", CHANGES)
    for _ in ("the base model answers", "the first submission", "the second one"):
        with (
            pytest.raises(KeyboardInterrupt),
            Dojo(options, tmp_path / "run", home=home, progress=Cut()) as dojo,
        ):
            run_episode(dojo, agent)
    with Dojo(options, tmp_path / "run", home=home) as dojo:
        result = run_episode(dojo, agent)
    same, ended = iterations(played), iterations(tmp_path)
    assert [i.decision for i in ended] == [i.decision for i in same]
    assert [(i.digests, i.contents) for i in ended] == [(i.digests, i.contents) for i in same]
    assert (result.best, result.guard) == (finished(played).best, finished(played).guard)
    audit = verify(tmp_path / "run", home=home, progress=Silent())
    assert {c.name: c.message for c in audit.checks if c.status != "ok"} == {}


def audited(place: Path) -> dict[str, str]:
    audit = verify(place / "run", home=Home(place / "home"), progress=Silent())
    return {c.name: c.message for c in audit.checks if c.status != "ok"}


def test_the_audit_repeats_the_guard(played: Path) -> None:
    assert audited(played) == {}
    audit = verify(played / "run", home=Home(played / "home"), progress=Silent())
    assert [c.name for c in audit.checks if c.name == "guard"] == ["guard"]


def _better(score: dict[str, Any]) -> None:
    score["model"]["value"] += 50


def _kept(score: dict[str, Any]) -> None:
    score["verdict"] = "unclear"


@pytest.mark.parametrize(("number", "change"), [(1, _better), (2, _better), (2, _kept)])
def test_a_tampered_guard_score_is_found(
    played: Path, tmp_path: Path, number: int, change: Callable[[dict[str, Any]], None]
) -> None:
    """All links are made anew, and the result says the same, so nothing else can be found."""

    def forge(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        if kind == "iteration" and payload["iteration"]["number"] == number:
            change(payload["iteration"]["decision"]["guard"][0])
        if kind == "finished":
            change(payload["result"]["iterations"][number - 1]["guard"][0])
            if number == payload["result"]["best"]["iteration"]:
                change(payload["result"]["guard"][0])
        return payload

    place = shutil.copytree(played, tmp_path / "copy")
    edit_events(place / "run", forge, relink=True)
    assert list(audited(place)) == ["guard"]
    assert f"iteration {number}: {GUARDED}" in audited(place)["guard"]


def test_a_tampered_warning_is_found(played: Path, tmp_path: Path) -> None:
    """What needs no training is audited like that of the run's own task: the result follows from the record."""

    def forge(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        if kind == "baseline":
            payload["guard_trivial"][GUARDED]["to_constant"]["better"] = True
        return payload

    place = shutil.copytree(played, tmp_path / "copy")
    edit_events(place / "run", forge, relink=True)
    assert "guard_trivial is not what the record says" in audited(place)["result"]


def test_a_guard_that_was_left_out_is_found(played: Path, tmp_path: Path) -> None:
    def forge(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        if kind == "iteration" and payload["iteration"]["number"] == 1:
            payload["iteration"]["decision"] |= {"guard": [], "accepted": True}
        return payload

    place = shutil.copytree(played, tmp_path / "copy")
    edit_events(place / "run", forge, relink=True)
    assert f"iteration 1 answered the guard tasks [], the run has ['{GUARDED}']" in audited(place)["decisions"]


def test_a_task_that_cannot_guard_is_refused(
    german: Path, base: Path, approve: Path, home: Home, tmp_path: Path
) -> None:
    copy = shutil.copytree(approve, tmp_path / "copy")
    for guard, says in (
        ([german], "own/german is the task of the run"),
        ([approve, copy], "own/approve is named twice"),
        ([tmp_path / "absent"], "absent"),
    ):
        with pytest.raises(UsageError, match=says):
            play(tmp_path, german, base, home, [], guard=tuple(map(str, guard)))


def test_a_hundred_items_are_asked_at_most_and_always_the_same() -> None:
    items = [{"id": str(i), "subtask": "ab"[i % 4 == 0]} for i in range(200)]
    assert choose_items(items[:MOST_ITEMS]) is None
    chosen = choose_items(items)
    assert chosen is not None
    assert chosen == choose_items(items)
    asked = chosen.part(chosen.looks[-1])
    assert (len(asked), len(set(asked))) == (MOST_ITEMS, MOST_ITEMS)
    assert sum(items[i]["subtask"] == "b" for i in asked) == MOST_ITEMS // 4


def test_points_are_of_the_range_of_the_metric(approve: Path, tmp_path: Path) -> None:
    """Of an error, whose best value is 0, they are per cent of the base model's, and a larger one is a loss."""
    folder = shutil.copytree(approve, tmp_path / "errors")
    toml = (folder / "task.toml").read_text().replace('"accuracy"', '"mae"').replace('"exact"', '"number"')
    (folder / "task.toml").write_text(toml + "worst = 100\n")
    for name in ("train", "eval"):
        rows = [{"request": f"{name} {i}", "verdict": str(i)} for i in range(60)]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    _, task = tasks.get(str(folder)).variant(None)
    items = [{"id": str(i), "request": f"item {i}", "verdict": "10"} for i in range(40)]
    base, model = (task.scorer.score(items, [output] * len(items)) for output in ("20", "25"))
    worse = compare_with_base(task, model, base, 5.0)
    assert worse.difference == pytest.approx(-50.0)
    assert worse.verdict == "lost"
    assert compare_with_base(task, base, model, 5.0).difference == pytest.approx(100 * 5 / 15)


def test_an_interval_that_is_too_wide_passes_with_a_warning(approve: Path) -> None:
    _, task = tasks.get(str(approve)).variant(None)
    scores = [ItemScore(id=str(i), subtask="", score=float(i % 2), parsed=True) for i in range(8)]
    unclear = compare_with_base(task, scores, scores, 5.0)
    assert (unclear.difference, unclear.verdict, unclear.passed) == (0.0, "unclear", True)
    better = Decision(accepted=True, difference=Interval(value=9, low=1, high=17), reason="better")
    assert decide_guarded(better, [unclear]).accepted
    (finding,) = describe_losses([unclear])
    assert (finding.code, finding.severity) == ("guard_unclear", "warning")
    assert decide_guarded(better, []) == better
